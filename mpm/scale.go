package mpm

import (
	"slices"
	"time"

	"gild/logs"
)

const (
	scaleInterval = time.Second // between two looks at the load
	maxSpawn      = 32          // processes started at one look at most
)

// load is what the front said last about the seats of a group: a seat is a process that serves one connection at a time.
type load struct {
	known               bool // it has said something
	busy, idle, waiting int  // seats taken, seats free, clients without one
}

// scale is how the number of processes of a group follows the load.
type scale struct {
	load load
	rate int  // how many to start when some lack again
	full bool // the log knows that the maximum is reached
}

// watchLoad looks at the load of p every second, if its number of processes follows that.
func (s *Supervisor) watchLoad(p *group) {
	if p.Minimum == p.Maximum {
		return
	}
	s.os.after(scaleInterval, func() {
		if p.generation.open {
			s.adapt(p)
			s.watchLoad(p)
		}
	})
}

// adapt starts or drains processes of p as the load wants it. While applications cannot be loaded, more of them are no help.
func (s *Supervisor) adapt(p *group) {
	broken := slices.ContainsFunc(p.places, func(t *place) bool { return t.current != nil && t.current.state == failed })
	if !p.scale.load.known || p.generation == s.pending || broken {
		return
	}
	switch n := p.scale.want(&p.Group, p.free(), len(p.places)); {
	case n > 0:
		s.grow(p, n)
	case n < 0:
		s.shrink(p)
	}
	s.sayFull(p)
}

// free returns how many seats are free or about to be, after those who wait have taken theirs; less than 0 when that is not enough.
func (p *group) free() (n int) {
	for _, t := range p.places {
		if t.current == nil || t.current.state == starting {
			n++
		}
	}
	return n + p.scale.load.idle - p.scale.load.waiting
}

// want returns how many processes to start, or -1 to drain one. As in Apache's prefork the number is doubled as long as too few are
// free; unlike there it never makes more than MaxSpare free, which would only be drained again.
func (c *scale) want(g *Group, free, total int) int {
	switch {
	case free < g.MinSpare && total < g.Maximum:
		c.rate = min(max(1, 2*c.rate), maxSpawn)
		return min(c.rate, g.Maximum-total, g.MaxSpare-free)
	case free > g.MaxSpare && total > g.Minimum:
		c.rate = 0
		return -1
	}
	c.rate = 0
	return 0
}

// grow adds n places to p and fills them.
func (s *Supervisor) grow(p *group, n int) {
	s.say(logs.Info, "Starting %d more of process '%s': %d busy, %d idle, %d clients waiting.", n, p.Name,
		p.scale.load.busy, p.scale.load.idle, p.scale.load.waiting)
	for range n {
		t := newPlace(p)
		p.places = append(p.places, t)
		s.fill(t)
	}
}

// shrink removes the place of the youngest process that is ready and not being replaced.
func (s *Supervisor) shrink(p *group) {
	for i, t := range slices.Backward(p.places) {
		if t.current == nil || t.current.state != ready || t.next != nil || t.reason != "" {
			continue
		}
		p.places = slices.Delete(p.places, i, i+1)
		t.removed = true
		p.scale.load.idle-- // until the front counts again
		s.drain(t.current, "spare")
		return
	}
}

// sayFull logs, once for each time, that clients would need more processes than there may be.
func (s *Supervisor) sayFull(p *group) {
	full := p.free() <= 0 && len(p.places) == p.Maximum
	if full && !p.scale.full {
		s.say(logs.Warn, "Process group '%s' has reached its maximum of %d processes; consider raising --max-clients.", p.Name, p.Maximum)
	}
	p.scale.full = full
}
