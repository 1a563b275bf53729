package cgi

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// A Runner starts a program for each request: CGI (RFC 3875). Programs end with the process that has started them, too.
type Runner struct {
	timeout time.Duration
	environ []string
	places  chan struct{} // one for each program that runs
	spawner spawner
}

// NewRunner returns a Runner that has at most size programs at once. The timeout, which must be more than 0, is how long a request
// waits for its program to begin, and how long a program may neither print nor take a byte.
func NewRunner(size int, timeout time.Duration) *Runner {
	return &Runner{timeout: timeout, environ: Environment(), places: make(chan struct{}, size)}
}

// Run implements Gateway.
func (r *Runner) Run(ctx context.Context, q *Request) (Output, error) {
	if err := check(q.File); err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	p, err := r.start(ctx, q)
	if err != nil {
		<-r.places
		return nil, err
	}
	return p, nil
}

// check refuses what Apache refuses, before anything is begun.
func check(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{http.StatusNotFound, "script not found or unable to stat: " + file}
	case err != nil:
		return &Error{http.StatusForbidden, fmt.Sprintf("script cannot be run: %v", err)}
	case !info.Mode().IsRegular():
		return &Error{http.StatusForbidden, "attempt to invoke directory as script: " + file}
	case info.Mode()&0o111 == 0:
		return &Error{http.StatusForbidden, "file permissions deny server execution: " + file + "; chmod +x makes it a program"}
	case strings.HasPrefix(filepath.Base(file), "nph-"):
		return failed("the script does not let its headers be parsed (nph-), which is not supported: " + file)
	}
	return nil
}

// enter waits for a place.
func (r *Runner) enter(ctx context.Context) error {
	timer := time.NewTimer(r.timeout)
	defer timer.Stop()
	select {
	case r.places <- struct{}{}:
		return nil
	case <-timer.C:
		return &Error{http.StatusServiceUnavailable,
			fmt.Sprintf("as many CGI scripts were running as may (--cgi-processes %d), and none ended in %v", cap(r.places), r.timeout)}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// startError is why a program could not be started, in words for who has written it.
func startError(file string, err error) *Error {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return failed("exec of '" + file + "' failed: the kernel cannot run it. The first line of a script must be #! and the path of its interpreter")
	case errors.Is(err, fs.ErrNotExist):
		return failed("exec of '" + file + "' failed: the interpreter that its first line names does not exist")
	case errors.Is(err, fs.ErrPermission):
		return &Error{http.StatusForbidden, "exec of '" + file + "' failed: permission denied"}
	}
	return failed(fmt.Sprintf("exec of '%s' failed: %v", file, err))
}
