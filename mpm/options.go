package mpm

import (
	"errors"
	"io"
	"os"
	"time"

	"gild/logs"
)

// Options say how a [Supervisor] supervises, and Plan what. The zero value of a field is what its comment says; Plan, Log
// and ServeLog have none and must be given. Every function but ServeLog is called by the goroutine of [Supervisor.Run], which
// does nothing else meanwhile.
type Options struct {
	Plan       *Plan  // the first generation
	Executable string // what a child executes; empty = this binary

	// Reload reads the configuration again, on SIGHUP and SIGUSR1. A plan becomes the next generation; nil without an error
	// says that nothing has changed against Supervisor.Plan, and the processes that run the application are replaced one by one. After
	// an error everything stays as it is. A nil Reload is one that returns nil.
	Reload func() (*Plan, error)
	// Adopt is told that next serves and that the processes of last are about to be told to drain, none of which is started again. What
	// it returns, one line, follows the SECONDS of that message for the front and for workers; empty or a nil Adopt = nothing does.
	Adopt func(next, last *Plan) string
	// Retire is told that no process of a plan is left, or that it was refused, so that its files may be closed: each plan that
	// Reload returned, and the first one when another has taken its place or the supervisor ends. nil = nobody closes.
	Retire func(*Plan)
	// Reopen reopens the log files, on SIGHUP and SIGUSR1; nil = nothing to reopen.
	Reopen func() error

	PidFile  string // path of a file for the supervisor's process id; empty = none
	Terminal bool   // standard input or output is a terminal: SIGWINCH tells of its size and stops nothing

	Log      logs.Logger               // where the supervisor tells what happens
	ServeLog func(conn *os.File) error // reads a child's log socket until end of file and closes it: (*logs.Writer).Serve
	Stderr   io.Writer                 // told once when the application cannot be loaded at first start; nil = nobody

	Notify   func(state string) // gets what sd_notify(3) is to be told, lines of NAME=VALUE; nil = nobody listens
	Watchdog time.Duration      // within this time WATCHDOG=1 is notified again and again; 0 = never
}

// check returns o with its defaults, or what is wrong with it.
func (o Options) check() (Options, error) {
	if o.Executable == "" {
		o.Executable = "/proc/self/exe"
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	if o.Reopen == nil {
		o.Reopen = func() error { return nil }
	}
	if o.Reload == nil {
		o.Reload = func() (*Plan, error) { return nil, nil }
	}
	if o.Adopt == nil {
		o.Adopt = func(*Plan, *Plan) string { return "" }
	}
	if o.Retire == nil {
		o.Retire = func(*Plan) {}
	}
	if o.Plan == nil || o.Log == nil || o.ServeLog == nil {
		return o, errors.New("mpm: Plan, Log and ServeLog must be given")
	}
	return o, o.Plan.check()
}
