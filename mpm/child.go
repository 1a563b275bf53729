package mpm

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// state is where a worker is in its life.
type state uint8

// The states. A worker begins in starting and ends in exited; moves lists the ways between.
const (
	starting state = iota // executed, has not reported
	ready                 // serves the application
	failed                // serves nothing but errors: the application could not be loaded
	stopping              // was told to stop, or is beyond talking to
	exited                // has been reaped
)

// String returns the name of the state.
func (s state) String() string {
	return [...]string{"starting", "ready", "failed", "stopping", "exited"}[s]
}

// moves are the legal changes of state.
var moves = map[state][]state{
	starting: {ready, failed, stopping, exited},
	ready:    {stopping, exited},
	failed:   {stopping, exited},
	stopping: {exited},
}

// child is one worker process as the supervisor sees it.
type child struct {
	process
	slot  *slot
	state state
	born  time.Time
}

// process is what the operating system gives for a started worker.
type process struct {
	pid   int
	send  func(verb string) error // never blocks
	close func()                  // closes the supervisor's end of the control socket
}

// move changes the state, or says why that is not possible.
func (c *child) move(to state) error {
	for _, legal := range moves[c.state] {
		if legal == to {
			c.state = to
			return nil
		}
	}
	return fmt.Errorf("a worker that is %s cannot become %s", c.state, to)
}

// epitaph words how a process ended.
func epitaph(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("terminated by signal %d (%s)", status.Signal(), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("terminated normally, exit code %d", status.ExitStatus())
}
