package mpm

import (
	"slices"
	"syscall"
	"time"

	"gild/logs"
)

const (
	// killGrace is what a process gets beyond its time: one that has used all of that to wait for its requests can still end
	// Python in order.
	killGrace = time.Second
	// silenceGrace is how long a process may live after its control socket was closed.
	silenceGrace = 2 * time.Second
)

// timeout returns one timeout of c's group. A front, which has none, is given the longest.
func (c *child) timeout(of func(*group) time.Duration) time.Duration {
	if c.place.group != nil {
		return of(c.place.group)
	}
	return c.place.generation.longest(of)
}

// graceful is how long c, which is to go for reason, may take to finish what runs in it.
func (c *child) graceful(reason string) time.Duration {
	if reason == "eviction_signal" {
		return c.timeout(func(p *group) time.Duration { return p.Eviction })
	}
	return c.timeout(func(p *group) time.Duration { return p.Graceful })
}

// shutdown is how long c may take to leave when it need not finish anything.
func (c *child) shutdown() time.Duration {
	return c.timeout(func(p *group) time.Duration { return p.Shutdown })
}

// drain tells c to take no more requests, finish what it has, and leave.
func (s *Supervisor) drain(c *child, reason string) {
	allowed := c.graceful(reason)
	message := "drain " + seconds(allowed)
	if text := c.place.generation.farewell; text != "" && c.place.kind != daemon {
		message += " " + text
	}
	s.dismiss(c, message, reason, allowed+c.shutdown())
}

// hasten tells c to leave, or kills it when it has no time for that. A front and a worker may use the time to answer.
func (s *Supervisor) hasten(c *child, reason string) {
	message := "stop"
	if c.place.kind != daemon {
		message += " " + seconds(c.shutdown())
	}
	if c.shutdown() == 0 {
		_ = c.move(leaving)
		s.abort(c, reason)
		return
	}
	s.dismiss(c, message, reason, c.shutdown())
}

// dismiss sends c the message that makes it leave, and kills it when it has not left a second after the time allowed.
func (s *Supervisor) dismiss(c *child, message, reason string, allowed time.Duration) {
	if !c.alive() || c.told == message {
		return
	}
	if c.move(leaving) == nil && c.place.kind != front {
		c.doom = reason
		s.tellFront(c, "draining", reason)
	}
	c.told = message
	s.tell(c, message)
	s.expire(c, allowed+killGrace)
}

// expire kills c when it is still there after d.
func (s *Supervisor) expire(c *child, d time.Duration) {
	s.os.after(d, func() {
		if c.alive() && !c.aborted {
			s.say(logs.Warn, "Shutdown timeout expired; aborting %s.", c.title())
			s.abort(c, "shutdown_timeout")
		}
	})
}

// abort kills c. Whoever asks why it died is told doom, unless there was a reason before.
func (s *Supervisor) abort(c *child, doom string) {
	c.aborted = true
	if c.doom == "" {
		c.doom = doom
	}
	_ = s.os.kill(c.pid, syscall.SIGKILL)
}

// stopAll ends everything: no process is started from here on. In a hurry that takes the shutdown timeout, otherwise the
// graceful timeout.
func (s *Supervisor) stopAll(hurry bool) {
	s.stopping, s.hurry = true, hurry
	s.pending, s.now, s.left = nil, nil, nil
	for _, g := range slices.Clone(s.generations) {
		s.retire(g, hurry)
	}
}
