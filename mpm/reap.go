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

// bury logs the end of c and has its slot filled again.
func (s *Supervisor) bury(c *child, status syscall.WaitStatus) {
	expected := c.state == stopping
	_ = c.move(exited)
	c.close()
	delete(s.children, c.pid)
	level := logs.Info
	if !expected && !s.stopping {
		level = logs.Error
		s.say(level, "Process '%s' (pid=%d) has died; deregistering and restarting it.", s.o.Name, c.pid)
	}
	s.say(level, "Process '%s' (pid=%d) %s.", s.o.Name, c.pid, epitaph(status))
	if !s.stopping {
		s.onExit(c)
	}
}
