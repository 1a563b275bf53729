package mpm

import (
	"fmt"
	"strings"

	"gild/logs"
)

// herald remembers what sd_notify(3) has been told, and who else.
type herald struct {
	up        bool // READY=1, the first time
	reloading bool // RELOADING=1, and not READY=1 since
	stopping  bool // STOPPING=1
	status    string
	failure   string // the last line of what a process said when it failed; empty once all are ready
	told      bool   // Stderr knows that the application cannot be loaded
	announced bool   // the log knows that all processes are ready
}

// notify passes state on to who listens.
func (s *Supervisor) notify(state string) {
	if s.o.Notify != nil {
		s.o.Notify(state)
	}
}

// report tells what has become true since the last event.
func (s *Supervisor) report() {
	h := &s.herald
	switch {
	case s.stopping && !h.stopping:
		h.stopping = true
		s.notify("STOPPING=1")
	case s.stopping:
	case !h.up && s.serving.all(ready, failed):
		h.up = true
		s.notify("READY=1")
	case h.up && h.reloading && s.pending == nil && !s.rolling():
		h.reloading = false
		s.notify("READY=1")
	}
	s.announce()
	if status := s.status(); status != h.status {
		h.status = status
		s.notify("STATUS=" + status)
	}
}

// status says in a line how the supervisor is.
func (s *Supervisor) status() string {
	if s.stopping {
		return "shutting down"
	}
	serving, all := 0, 0
	for _, p := range s.serving.groups {
		for _, t := range p.places {
			all++
			if t.current != nil && t.current.state == ready {
				serving++
			}
		}
	}
	text := fmt.Sprintf("%d of %d processes ready", serving, all)
	if s.herald.failure != "" {
		text += "; the application could not be loaded: " + s.herald.failure
	}
	return text
}

// announce logs, once, that everything serves.
func (s *Supervisor) announce() {
	if s.stopping || !s.serving.all(ready) {
		return
	}
	s.herald.failure = ""
	if !s.herald.announced {
		s.herald.announced = true
		s.say(logs.Notice, "Worker processes ready: %d -- resuming normal operations", len(s.serving.places())-fronts(s.serving))
	}
}

// fronts counts the fronts of g.
func fronts(g *generation) int {
	if g.front == nil {
		return 0
	}
	return 1
}

// announceReload tells a service manager that a reload has begun; report tells when it is over.
func (s *Supervisor) announceReload() {
	s.herald.reloading = true
	s.notify(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", s.os.monotonic().Microseconds()))
}

// tellUser repeats on Stderr, once and only while not all have ever served, why the application cannot be loaded: at first start
// somebody looks there.
func (s *Supervisor) tellUser(text string) {
	s.herald.failure = lastLine(text)
	if !s.herald.told && !s.herald.announced {
		s.herald.told = true
		fmt.Fprintf(s.o.Stderr, "gild: the application, or a script, could not be loaded; requests are answered with an error until it can:\n%s\n",
			strings.TrimSpace(text))
	}
}

// feedWatchdog says that the loop still turns, twice in the time within which it has to.
func (s *Supervisor) feedWatchdog() {
	if s.o.Watchdog > 0 {
		s.notify("WATCHDOG=1")
		s.os.after(s.o.Watchdog/2, s.feedWatchdog)
	}
}
