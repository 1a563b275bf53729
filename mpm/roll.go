package mpm

import "gild/logs"

// roll replaces the workers one by one (SIGHUP, SIGUSR1): the new process is ready before the old one is told to stop. A roll
// in progress begins again, with processes that have seen the latest code.
func (s *Supervisor) roll() {
	for _, t := range s.slots {
		if c := t.next; c != nil {
			t.next = nil
			s.stop(c)
		}
	}
	s.rolling = append(s.rolling[:0], s.slots...)
	s.advance(nil)
}

// advance goes on with the roll. done is the slot whose new process has just reported, or nil at the beginning. A slot that is
// empty gets a new process anyway, so the roll passes it.
func (s *Supervisor) advance(done *slot) {
	if len(s.rolling) > 0 && s.rolling[0] == done && done.next == nil {
		s.rolling = s.rolling[1:]
	}
	for len(s.rolling) > 0 && s.rolling[0].next == nil {
		t := s.rolling[0]
		if t.current == nil {
			s.rolling = s.rolling[1:]
		} else if t.next = s.start(t); t.next == nil {
			s.abandon("no new process can be started")
		}
	}
}

// abandon ends a roll: the old processes go on.
func (s *Supervisor) abandon(why string) {
	s.say(logs.Error, "The worker processes are not replaced, because %s; the old ones go on serving.", why)
	s.rolling = nil
}
