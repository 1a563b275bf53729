package mpm

import (
	"fmt"
	"strings"

	"gild/logs"
)

// cause is what the supervisor does about a reason for replacing a process.
type cause struct {
	words string // what the log says about it, with the name of the group; empty = the process has said it itself
	limit bool   // a limit was reached, so that the wish stays when a replacement comes to nothing
	early bool   // a new process may reach the limit as soon as it has loaded the application
}

// byFailure is the reason of replacing a process that could not load its application.
const byFailure = "load_failed"

// causes are the reasons that need something special. Others, like a changed script, are tried once: the process
// will ask again when there is something new.
var causes = map[string]cause{
	"maximum_requests":   {words: "Maximum requests reached; attempting graceful shutdown of daemon process '%s'.", limit: true},
	"graceful_signal":    {words: "Graceful restart requested; waiting for in-flight requests to complete in daemon process '%s'."},
	"eviction_signal":    {words: "Process eviction requested; waiting for in-flight requests to complete in daemon process '%s'."},
	"restart_interval":   {limit: true},
	"inactivity_timeout": {limit: true},
	"request_timeout":    {limit: true},
	"cpu_time_limit":     {limit: true, early: true},
	"memory_limit":       {limit: true, early: true},
}

// checkReason refuses what is no reason: a reason is one word.
func checkReason(reason string) error {
	if reason == "" || strings.ContainsAny(reason, " \n") {
		return fmt.Errorf("%.40q is no reason", reason)
	}
	return nil
}

// onRenew is the verb "renew REASON": c wants to be replaced.
func (s *Supervisor) onRenew(c *child, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	t := c.place
	c.wish = reason
	switch {
	case c == t.next, c.state == starting: // when it is ready
	case t.next != nil: // is under way
	case t.reason != "" && causes[reason].limit: // is planned
	default:
		s.renew(t, reason)
	}
	return nil
}

// renew has the process of t replaced. A place without one gets a new one anyway.
func (s *Supervisor) renew(t *place, reason string) {
	c := t.current
	if c == nil || t.removed || !t.generation.open {
		return
	}
	t.reason = reason
	if words := causes[reason].words; words != "" {
		s.say(logs.Notice, words, t.role().Name)
	}
	s.say(logs.Info, "Replacing process '%s' (pid=%d): %s.", t.role().Name, c.pid, reason)
	if causes[reason].early {
		s.plan(t, s.patience(c))
		return
	}
	s.fill(t)
}

// onReady is the verb "ready": the application is loaded.
func (s *Supervisor) onReady(c *child, _ string) error {
	if err := c.move(ready); err != nil {
		return err
	}
	t := c.place
	t.failures = 0
	s.say(logs.Info, "Process '%s' (pid=%d) is ready.", c.name(), c.pid)
	s.tellFront(c, "ready", "")
	t.group.scale.load.idle++
	if c == t.next {
		s.promote(t)
	}
	s.adopt()
	s.advance()
	if c.wish != "" {
		return s.onRenew(c, c.wish)
	}
	return nil
}

// promote puts next in the place of current, which may finish what it has.
func (s *Supervisor) promote(t *place) {
	old, reason := t.current, t.why()
	t.current, t.next, t.reason = t.next, nil, ""
	if old != nil {
		s.drain(old, reason)
	}
}

// onFailed is the verb "failed TEXT": the application could not be loaded and c answers every request with an error. If
// something better is in its place c goes; otherwise c stays, in place of an older failure, until another is ready.
func (s *Supervisor) onFailed(c *child, text string) error {
	if err := c.move(failed); err != nil {
		return err
	}
	t := c.place
	s.say(logs.Error, "Process '%s' (pid=%d) could not load its application: %s", c.name(), c.pid, lastLine(text))
	s.tellUser(text)
	s.tellFront(c, "failed", lastLine(text))
	switch {
	case t.generation == s.pending:
		s.abandon("the application cannot be loaded")
	case c == t.next && t.serves():
		t.next = nil
		s.hasten(c, byFailure)
		s.notReplaced(t, "the application cannot be loaded")
	default:
		s.settle(c)
	}
	return nil
}

// settle leaves the failed c in its place until a later attempt is ready.
func (s *Supervisor) settle(c *child) {
	t := c.place
	if c == t.next {
		s.promote(t)
	}
	s.plan(t, afterFailure.delay(t.failures))
	t.failures++
	s.advance()
}

// notReplaced goes on after a replacement for t came to nothing. A process that serves keeps serving, and is told so if it had
// asked; one that failed gets another.
func (s *Supervisor) notReplaced(t *place, why string) {
	retry := !t.serves() || causes[t.reason].limit
	if t.serves() {
		s.say(logs.Error, "Process '%s' (pid=%d) is not replaced, because %s; it goes on serving.", t.role().Name, t.current.pid, why)
		s.resume(t.current)
	}
	if retry {
		s.plan(t, afterFailure.delay(t.failures))
		t.failures++
		return
	}
	s.endRoll(t)
	t.reason = ""
}

// resume tells c that nothing came of its wish to be replaced. A worker takes requests all the time.
func (s *Supervisor) resume(c *child) {
	if c.wish != "" && c.place.kind == daemon {
		s.tell(c, "resume")
	}
	c.wish = ""
}

// onLeaving is the verb "leaving REASON": c takes no more requests and ends by itself, or is killed.
func (s *Supervisor) onLeaving(c *child, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	if err := c.move(leaving); err != nil {
		return err
	}
	c.doom = reason
	s.say(logs.Notice, "Process '%s' (pid=%d) is leaving: %s.", c.name(), c.pid, reason)
	s.tellFront(c, "draining", reason)
	s.expire(c, c.place.group.Shutdown+killGrace)
	if c.place.generation.open {
		s.replaceLeaver(c)
	}
	return nil
}

// replaceLeaver starts a process in the place of c, which need not be dead for that.
func (s *Supervisor) replaceLeaver(c *child) {
	if c.place.generation == s.pending {
		s.abandon("a process of it is leaving")
		return
	}
	s.lost(c, c.doom)
}

// lastLine shortens a traceback, which the process has logged itself, to its last line: the exception.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
