package mpm

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kind is what a child does.
type kind uint8

// The kinds.
const (
	front  kind = iota // connections, no application
	daemon             // the application, no connections
	worker             // both
)

// state is where a child is in its life.
type state uint8

// The states. A child begins in starting and ends in exited; moves lists the ways between.
const (
	starting state = iota // executed, has not reported
	ready                 // serves
	failed                // answers nothing but errors: the application could not be loaded
	leaving               // finishes what it has, because it was told to or by itself, or is beyond talking to
	exited                // has been reaped
)

// String returns the name of the state.
func (s state) String() string {
	return [...]string{"starting", "ready", "failed", "leaving", "exited"}[s]
}

// moves are the legal changes of state.
var moves = map[state][]state{
	starting: {ready, failed, leaving, exited},
	ready:    {leaving, exited},
	failed:   {leaving, exited},
	leaving:  {exited},
}

// child is one process as the supervisor sees it.
type child struct {
	process
	place   *place
	record  int // in the arena of its group; -1 without one
	state   state
	born    time.Time
	served  bool   // it has been ready
	told    string // the last message that makes it leave; empty before
	wish    string // reason for which it wants to be replaced; empty = it does not
	doom    string // why it must go, for who asks after its death; empty = nobody knows
	aborted bool   // SIGKILL is on its way
}

// process is what the operating system gives for a started child.
type process struct {
	pid   int
	send  func(message string) error // never blocks; syscall.EAGAIN when the child does not read
	close func()                     // closes the supervisor's end of the control socket
}

// move changes the state, or says why that is not possible.
func (c *child) move(to state) error {
	for _, legal := range moves[c.state] {
		if legal == to {
			c.state = to
			c.served = c.served || to == ready
			return nil
		}
	}
	return fmt.Errorf("a process that is %s cannot become %s", c.state, to)
}

// alive reports whether c is a process that has not been reaped.
func (c *child) alive() bool { return c != nil && c.state != exited }

// name is what log lines call c.
func (c *child) name() string { return c.place.role().Name }

// title is the name with what it is: "daemon process 'localhost:8000'".
func (c *child) title() string {
	if c.place.kind == daemon {
		return fmt.Sprintf("daemon process '%s'", c.name())
	}
	return fmt.Sprintf("process '%s'", c.name())
}

// fate says how c ended and, if anybody knows, why.
func (c *child) fate(status syscall.WaitStatus) string {
	if c.doom == "" {
		return epitaph(status)
	}
	return c.doom + ", " + epitaph(status)
}

// epitaph words how a process ended.
func epitaph(status syscall.WaitStatus) string {
	if status.Signaled() {
		return fmt.Sprintf("terminated by signal %d (%s)", status.Signal(), unix.SignalName(status.Signal()))
	}
	return fmt.Sprintf("terminated normally, exit code %d", status.ExitStatus())
}
