package mpm

import (
	"errors"
	"time"

	"gild/logs"
)

// A place is where one process is to be. It has one at most times; while that is to be replaced it has two: current
// serves and next starts. A process that is leaving is in no place any more.
type place struct {
	kind       kind
	generation *generation
	group      *group // nil for the front
	current    *child // nil while the place waits for its next attempt
	next       *child // nil when nothing is being replaced
	reason     string // why current is to be replaced; empty = it is not
	last       string // why the process before current went; empty = there was none
	crashes    int    // deaths in a row, each after a short life
	failures   int    // replacements in a row that came to nothing
	ticket     int    // number of the last attempt planned; older alarms are void
	removed    bool   // it is not to be filled any more
}

// role is what the process of t executes.
func (t *place) role() *Role {
	if t.kind == front {
		return t.generation.plan.Front
	}
	return &t.group.Role
}

// serves reports whether t has a process that is worth keeping until another is ready.
func (t *place) serves() bool { return t.current != nil && t.current.state != failed }

// plan starts what t lacks after d, unless another plan comes first.
func (s *Supervisor) plan(t *place, d time.Duration) {
	t.ticket++
	ticket := t.ticket
	s.os.after(d, func() {
		if t.ticket == ticket {
			s.fill(t)
		}
	})
}

// fill starts what t lacks: a process, or one in the place of another that failed or is to be replaced.
func (s *Supervisor) fill(t *place) {
	switch {
	case t.removed || !t.generation.open:
	case t.current == nil:
		t.current = s.start(t, t.last)
	case t.next == nil && t.why() != "":
		t.next = s.start(t, t.why())
	}
}

// why says why the process of t is to be replaced; empty = it is not.
func (t *place) why() string {
	if t.reason == "" && t.current != nil && t.current.state == failed {
		return byFailure
	}
	return t.reason
}

// start executes a process for t. When that is not possible it sees to another attempt and returns nil.
func (s *Supervisor) start(t *place, why string) *child {
	c, err := s.spawn(t, why)
	switch {
	case err == nil:
		return c
	case errors.Is(err, errNoRecord):
		t.group.wait(t)
	default:
		s.cannotStart(t, err)
	}
	return nil
}

// cannotStart is what happens when no process can be executed.
func (s *Supervisor) cannotStart(t *place, err error) {
	s.say(logs.Crit, "Cannot start a process '%s': %v", t.role().Name, err)
	switch {
	case t.generation == s.pending:
		s.abandon("a process cannot be started")
	case t.serves():
		s.notReplaced(t, "no new process can be started")
	default:
		s.plan(t, afterCrash.delay(t.crashes))
		t.crashes++
	}
}

// errNoRecord says that the arena has no record for another process now.
var errNoRecord = errors.New("every record of the arena is in use")

// spawn executes a process for the place t; why tells the front what became of the one before.
func (s *Supervisor) spawn(t *place, why string) (*child, error) {
	e := envelope{Files: len(t.role().Files), Group: -1, Record: -1, Generation: t.generation.plan.Generation}
	if t.group != nil {
		record, ok := t.group.take()
		if !ok {
			return nil, errNoRecord
		}
		e.Group, e.Record = t.group.index, record
	}
	c := &child{place: t, record: e.Record, born: s.os.now()}
	p, err := s.os.start(t.role(), e.seal(t.role().Config), func(message string, open bool) { s.heard(c, message, open) })
	if err != nil {
		if t.group != nil {
			s.release(t.group, e.Record, taken)
		}
		return nil, err
	}
	c.process = p
	s.started(c, why)
	return c, nil
}

// started is what there is to do about a new process.
func (s *Supervisor) started(c *child, why string) {
	s.children[c.pid] = c
	s.say(logs.Info, "Starting process '%s' (pid=%d).", c.name(), c.pid)
	if c.place.kind == front {
		s.brief(c)
	} else {
		s.tellFront(c, "starting", why)
	}
	s.limitStartup(c)
}

// limitStartup kills c if it has not reported within the startup timeout.
func (s *Supervisor) limitStartup(c *child) {
	limit := c.timeout(func(p *group) time.Duration { return p.Startup })
	if limit == 0 {
		return
	}
	s.os.after(limit, func() {
		if c.state == starting && !c.aborted {
			what := map[bool]string{true: "Startup", false: "Application startup"}[c.place.kind == front]
			s.say(logs.Error, "%s timer expired, stopping %s.", what, c.title())
			s.abort(c, "startup_timeout")
		}
	})
}

// lost takes c, which has ended or is leaving by itself, out of its place, which must not stay empty.
func (s *Supervisor) lost(c *child, why string) {
	switch t := c.place; c {
	case t.next:
		t.next = nil
		s.notReplaced(t, "a new process died")
	case t.current:
		t.current, t.next, t.reason, t.last = t.next, nil, "", why
		if t.current == nil {
			s.plan(t, s.patience(c))
		}
		s.advance()
	}
}

// patience is how long to wait before something is started in place of c: not at all after a long life of service, growing delays
// otherwise. The first death of a front counts as an accident, because nobody is served without one.
func (s *Supervisor) patience(c *child) time.Duration {
	t := c.place
	if c.served && s.os.now().Sub(c.born) > longLife {
		t.crashes = 0
		return 0
	}
	t.crashes++
	if t.kind == front {
		if t.crashes == 1 {
			return 0
		}
		return afterCrash.delay(t.crashes - 2)
	}
	return afterCrash.delay(t.crashes - 1)
}
