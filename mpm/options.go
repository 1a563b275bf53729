package mpm

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"gild/logs"
)

// Options say what a [Supervisor] supervises. The zero value of a field is what its comment says; Args, Workers, Log and
// ServeLog have none and must be given.
type Options struct {
	Name       string              // what log lines call the group of workers; empty = "gild"
	Executable string              // what a worker executes; empty = this binary
	Args       []string            // argv of a worker; the first is the name that ps shows
	Env        []string            // environment of a worker, as in os.Environ; of two entries of one name the later one counts
	Dir        string              // working directory of a worker; empty = the supervisor's
	Credential *syscall.Credential // user and groups of a worker; nil = the supervisor's
	Config     []byte              // first message to a worker, at most 100 KiB
	Listeners  []*os.File          // become descriptors 5 and up of a worker, in this order; the caller closes them after Run
	Workers    int                 // how many, at least 1

	ShutdownTimeout time.Duration // how long a worker that was told to stop may take; 0 = killed at once
	PidFile         string        // path of a file for the supervisor's process id; empty = none
	Terminal        bool          // standard input or output is a terminal: SIGWINCH tells of its size and stops nothing

	Log      logs.Logger               // where the supervisor tells what happens
	ServeLog func(conn *os.File) error // reads a worker's log socket until end of file and closes it: (*logs.Writer).Serve
	Reopen   func() error              // reopens the log files, on SIGHUP and SIGUSR1; nil = nothing to reopen
	Stderr   io.Writer                 // told once when the application cannot be loaded at first start; nil = nobody
}

// maxConfig bounds the first message so that it fits into the socket's buffer before the worker reads.
const maxConfig = 100 << 10

// check returns o with its defaults, or what is wrong with it.
func (o Options) check() (Options, error) {
	if o.Name == "" {
		o.Name = "gild"
	}
	if o.Executable == "" {
		o.Executable = "/proc/self/exe"
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	if o.Reopen == nil {
		o.Reopen = func() error { return nil }
	}
	o.Env = lastWins(o.Env)
	switch {
	case len(o.Args) == 0 || o.Log == nil || o.ServeLog == nil:
		return o, errors.New("mpm: Args, Log and ServeLog must be given")
	case o.Workers < 1:
		return o, errors.New("mpm: at least one worker must be asked for")
	case len(o.Config) == 0 || len(o.Config) > maxConfig:
		return o, errors.New("mpm: the configuration for a worker is empty or longer than 100 KiB; give fewer or shorter options")
	}
	return o, nil
}

// lastWins drops the entries of env that a later one overrides. Programs differ in which of two they find: C's getenv takes the
// first.
func lastWins(env []string) (kept []string) {
	seen := map[string]bool{}
	for _, entry := range slices.Backward(env) {
		name, _, _ := strings.Cut(entry, "=")
		if !seen[name] {
			seen[name] = true
			kept = append(kept, entry)
		}
	}
	slices.Reverse(kept)
	return kept
}
