package cgi

import (
	"context"
	"io"
	"net/http"
)

// A Request is what a program is told of an HTTP request.
type Request struct {
	File       string            // absolute path of the script
	Environ    []string          // the variables of the request, each NAME=value, without those of Environment
	Body       io.Reader         // nil: there is none. Another goroutine may read it until Close of the Output has returned
	Idempotent bool              // it may be made a second time
	Stderr     func(line string) // gets each line that the program writes to its standard error; one call at a time, perhaps even after Close
}

// An Output is what a program prints, as it comes. It belongs to one goroutine.
type Output interface {
	// Read returns io.EOF only when the program has printed all that it was going to.
	io.Reader

	// Buffered is how many bytes may be read without waiting. They need not be output.
	Buffered() int

	// Close gives up what has not been read, and ends a program that is still at it. Reads of the request's body must not be kept
	// waiting by then.
	Close() error
}

// A Gateway has requests answered by programs. Any goroutine may use it. The errors of Run that a client should hear of are an
// *Error; the end of ctx is another, and ends what was begun.
type Gateway interface {
	Run(ctx context.Context, r *Request) (Output, error)
}

// An Error is why there is no output, or no good one.
type Error struct {
	Status  int // for the client, 400 to 599
	Message string
}

func (e *Error) Error() string { return e.Message }

// failed is an Error with the status of a script that is no good.
func failed(message string) *Error { return &Error{http.StatusInternalServerError, message} }
