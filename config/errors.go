package config

import (
	"errors"
	"fmt"
	"strings"
)

// ErrHelp is returned by Parse when -h or --help was given: the caller prints Help and ends with status 0.
var ErrHelp = errors.New("help requested")

// Error is one complaint: where it is, and what is wrong and would be right. It is the type callers branch on.
type Error struct {
	Place   string // "--option", the same after "file:line: ", the name of an environment variable, or ""
	Message string // a sentence without the place
}

func (e *Error) Error() string {
	if e.Place == "" {
		return e.Message
	}
	return e.Place + ": " + e.Message
}

// complain makes an Error.
func complain(place, format string, args ...any) *Error {
	return &Error{Place: place, Message: fmt.Sprintf(format, args...)}
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

// Unwrap gives the complaints to errors.As.
func (e *UsageError) Unwrap() []error {
	errs := make([]error, len(e.Complaints))
	for i, c := range e.Complaints {
		errs[i] = c
	}
	return errs
}

// usage is the first line of the help and of every usage error.
func usage(verb string) string {
	if verb == "status" {
		return "Usage: gild status [options that start-server was given]"
	}
	return "Usage: gild " + verb + " script [options]"
}
