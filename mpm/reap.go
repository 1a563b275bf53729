package mpm

import (
	"syscall"

	"gild/logs"
)

// reap asks for the processes that have ended. As process 1 that means everybody's orphans too, which nobody else would wait for.
func (s *Supervisor) reap() {
	for _, pid := range s.waitable() {
		for {
			dead, status, ok := s.os.wait(pid)
			if !ok {
				break
			}
			if c := s.children[dead]; c != nil {
				s.bury(c, status)
			}
		}
	}
}

// waitable returns what to ask wait4 about.
func (s *Supervisor) waitable() []int {
	if s.os.pid == 1 {
		return []int{-1}
	}
	return s.pids()
}

// bury takes c, which has been reaped, out of the books.
func (s *Supervisor) bury(c *child, status syscall.WaitStatus) {
	s.obituary(c, epitaph(status))
	_ = c.move(exited)
	c.close()
	delete(s.children, c.pid)
	s.settleRecord(c, c.fate(status))
	g := c.place.generation
	switch {
	case g == s.pending && c == c.place.current:
		s.abandon("a process of it died")
	case g.open:
		s.lost(c, c.fate(status))
	}
	s.forget(g)
}

// settleRecord leaves the record of c to the front, if there is one, to clean up behind c.
func (s *Supervisor) settleRecord(c *child, words string) {
	switch p := c.place.group; {
	case p == nil:
		s.frontGone(c.place.generation)
	case c.record < 0:
	case p.generation.front.child() == nil:
		s.release(p, c.record, taken)
	default:
		p.records[c.record] = unburied
		s.tellFront(c, "dead", words)
	}
}

// obituary logs the end of c.
func (s *Supervisor) obituary(c *child, words string) {
	level := logs.Info
	switch {
	case s.stopping:
		s.say(level, "Process '%s' (pid=%d) has died but server is being stopped, deregister it.", c.name(), c.pid)
	case c.told != "": // it was to go
	default:
		if c.state != leaving {
			level = logs.Error
		}
		s.say(level, "Process '%s' (pid=%d) has died; deregistering and restarting it.", c.name(), c.pid)
	}
	s.say(level, "Process '%s' (pid=%d) %s.", c.name(), c.pid, words)
}
