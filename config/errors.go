package config

import (
	"errors"
	"strings"
)

// ErrHelp is returned by Parse when -h or --help was given: the caller prints Help and ends with status 0.
var ErrHelp = errors.New("help requested")

// Error is one complaint: where it is, and what is wrong and would be right. It is the type callers branch on.
type Error struct {
	Place   string // "--option" or ""
	Message string // a sentence without the place
}

func (e *Error) Error() string {
	if e.Place == "" {
		return e.Message
	}
	return e.Place + ": " + e.Message
}

// UsageError is a command line that cannot be obeyed. The program ends with status 2 after printing it.
type UsageError struct {
	Verb       string
	Complaints []*Error // at least one
}

// Error is the text for standard error: the usage line, and a line for each complaint.
func (e *UsageError) Error() string {
	var b strings.Builder
	b.WriteString(usage(e.Verb) + "\n")
	for _, c := range e.Complaints {
		b.WriteString("\ngild: error: " + c.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find the first complaint.
func (e *UsageError) Unwrap() []error { return asErrors(e.Complaints) }

func asErrors(list []*Error) []error {
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return errs
}

// usage is the first line of help and of every usage error.
func usage(verb string) string { return "Usage: gild " + verb + " script [options]" }
