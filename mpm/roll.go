package mpm

import (
	"slices"

	"gild/logs"
)

// byRoll is the reason of a replacement that belongs to a roll.
const byRoll = "graceful_signal"

// roll replaces the processes that run the application one by one (SIGHUP, SIGUSR1): each new one is ready before the old one
// is told to go. What is starting already begins again, and what waits for another attempt gets it, since nobody knows which code
// has been read.
func (s *Supervisor) roll() {
	s.now, s.left = nil, nil
	for _, p := range s.serving.groups {
		for _, t := range slices.Clone(p.places) {
			s.restartNext(t)
			if t.reason == "" {
				s.left = append(s.left, t)
			}
		}
	}
	s.advance()
}

// restartNext has the replacement of t begin again, or begin now; one that an earlier roll wanted is forgotten.
func (s *Supervisor) restartNext(t *place) {
	if c := t.next; c != nil {
		t.next = nil
		s.hasten(c, byRoll)
	}
	if t.reason == byRoll {
		t.reason = ""
	}
	s.fill(t)
}

// advance goes on with the roll when the place whose turn it is has its new process.
func (s *Supervisor) advance() {
	for len(s.left) > 0 && !s.now.busy() {
		s.now, s.left = s.left[0], s.left[1:]
		s.renew(s.now, byRoll)
	}
}

// rolling reports whether a roll is in progress.
func (s *Supervisor) rolling() bool { return len(s.left) > 0 || s.now.busy() }

// busy reports whether t, which may be nil, waits for a process to report.
func (t *place) busy() bool {
	return t != nil && !t.removed && (t.reason != "" || t.current != nil && t.current.state == starting)
}

// endRoll ends a roll after the replacement of t came to nothing: the same would happen to the others.
func (s *Supervisor) endRoll(t *place) {
	if t != s.now || t.reason != byRoll {
		return
	}
	if len(s.left) > 0 {
		s.say(logs.Error, "The processes after it are not replaced either: %d.", len(s.left))
	}
	s.now, s.left = nil, nil
}
