package mpm

import (
	"strings"
	"time"

	"gild/logs"
)

// A slot is the place of one worker. It has one process at most times; while one is to be replaced it has two: current
// serves and next starts.
type slot struct {
	current  *child // nil while the slot waits for its next attempt
	next     *child // nil when nothing is being replaced
	crashes  int    // deaths in a row, each after a short life
	failures int    // failed loads in a row
	ticket   int    // number of the last attempt planned; older alarms are void
}

// plan starts a process for t after d, unless another plan comes first.
func (s *Supervisor) plan(t *slot, d time.Duration) {
	t.ticket++
	ticket := t.ticket
	s.os.after(d, func() {
		if t.ticket == ticket && !s.stopping {
			s.fill(t)
		}
	})
}

// fill starts what t lacks: a process, or a successor for one that failed.
func (s *Supervisor) fill(t *slot) {
	switch {
	case t.current == nil:
		t.current = s.start(t)
	case t.current.state == failed && t.next == nil:
		t.next = s.start(t)
	}
}

// start executes a worker for t. When that is not possible it plans another attempt and returns nil.
func (s *Supervisor) start(t *slot) *child {
	c, err := s.spawn(t)
	if err != nil {
		s.say(logs.Crit, "Cannot start a worker process: %v", err)
		s.plan(t, afterCrash.delay(t.crashes))
		t.crashes++
		return nil
	}
	return c
}

// onReady is the verb "ready": the application is loaded.
func (s *Supervisor) onReady(c *child) {
	t := c.slot
	t.failures = 0
	s.say(logs.Info, "Process '%s' (pid=%d) is ready.", s.o.Name, c.pid)
	if c == t.next {
		s.promote(t)
	}
	s.advance(t)
}

// promote puts next in the place of current, which may finish what it has.
func (s *Supervisor) promote(t *slot) {
	old := t.current
	t.current, t.next = t.next, nil
	if old != nil {
		s.stop(old)
	}
}

// onFailed is the verb "failed TEXT": the application could not be loaded and c answers every request with an error. If
// something better is in its slot c goes; otherwise c stays, in place of an older failure, until a successor is ready.
func (s *Supervisor) onFailed(c *child, text string) {
	t := c.slot
	s.say(logs.Error, "Process '%s' (pid=%d) could not load its application: %s", s.o.Name, c.pid, lastLine(text))
	s.tell(text)
	if c == t.next && t.current != nil && t.current.state != failed {
		t.next = nil
		s.stop(c)
		s.abandon("the application cannot be loaded")
		return
	}
	if c == t.next {
		s.promote(t)
	}
	s.plan(t, afterFailure.delay(t.failures))
	t.failures++
	s.advance(t)
}

// lastLine shortens a traceback, which the worker has logged itself, to its last line: the exception.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// onExit is the verb of a process that has ended: c has been reaped. The slot must not stay empty.
func (s *Supervisor) onExit(c *child) {
	t := c.slot
	switch c {
	case t.next:
		t.next = nil
		s.successorDied(t)
	case t.current:
		t.current, t.next = t.next, nil
		s.currentDied(t, c)
	}
}

// successorDied goes on without a successor: an old worker that serves keeps serving, one that failed gets another.
func (s *Supervisor) successorDied(t *slot) {
	if t.current != nil && t.current.state != failed {
		s.abandon("a new process died")
		return
	}
	s.plan(t, afterFailure.delay(t.failures))
	t.failures++
}

// currentDied plans the replacement of c: at once after a long life, with growing delays otherwise.
func (s *Supervisor) currentDied(t *slot, c *child) {
	switch {
	case t.current != nil: // its successor has taken over
	case s.os.now().Sub(c.born) > longLife:
		t.crashes = 0
		s.plan(t, 0)
	default:
		s.plan(t, afterCrash.delay(t.crashes))
		t.crashes++
	}
}
