package mpm

import (
	"slices"
	"time"

	"gild/logs"
)

// generation is a plan that has been started.
type generation struct {
	plan   *Plan
	front  *place // nil = embedded
	groups []*group

	open    bool // processes that end are replaced
	retired bool // its front, and then its processes, are finishing
	hurry   bool // they are given the shutdown timeout for that, and not the graceful timeout

	farewell string // what whoever has connections is told when it is to drain, of Options.Adopt
}

// newGeneration returns the generation of plan; nothing is started.
func newGeneration(plan *Plan) *generation {
	g := &generation{plan: plan, open: true}
	if plan.Front != nil {
		g.front = &place{kind: front, generation: g}
	}
	for i := range plan.Groups {
		g.groups = append(g.groups, newGroup(g, i))
	}
	return g
}

// places returns the places of g, the front's first.
func (g *generation) places() (all []*place) {
	if g.front != nil {
		all = append(all, g.front)
	}
	for _, p := range g.groups {
		all = append(all, p.places...)
	}
	return all
}

// longest returns the longest of one timeout over the groups of g: what the front is given.
func (g *generation) longest(timeout func(*group) time.Duration) (d time.Duration) {
	if len(g.groups) == 0 {
		return timeout(&group{Group: Group{Shutdown: g.plan.Shutdown, Graceful: g.plan.Graceful}.normal()})
	}
	for _, p := range g.groups {
		d = max(d, timeout(p))
	}
	return d
}

// all reports whether every place of g has a process in one of the states.
func (g *generation) all(states ...state) bool {
	return !slices.ContainsFunc(g.places(), func(t *place) bool {
		return t.current == nil || !slices.Contains(states, t.current.state)
	})
}

// living returns the processes of g that have not been reaped, the oldest first where numbers tell.
func (s *Supervisor) living(g *generation) (alive []*child) {
	for _, pid := range s.pids() {
		if c := s.children[pid]; c.place.generation == g {
			alive = append(alive, c)
		}
	}
	return alive
}

// launch starts the processes of g.
func (s *Supervisor) launch(g *generation) error {
	s.generations = append(s.generations, g)
	for _, t := range g.places() {
		c, err := s.spawn(t, "")
		if err != nil {
			return err
		}
		t.current = c
	}
	for _, p := range g.groups {
		s.watchLoad(p)
	}
	return nil
}

// succeed makes plan the next generation: it is started beside the one that serves, and takes over when it is complete.
func (s *Supervisor) succeed(plan *Plan) {
	if s.pending != nil {
		s.abandon("the configuration has changed again")
	}
	s.pending = newGeneration(plan)
	if err := s.launch(s.pending); err != nil {
		s.say(logs.Crit, "Cannot start a process: %v", err)
		s.abandon("a process cannot be started")
	}
}

// again has the processes of the pending generation begin again, with the code as it is now.
func (s *Supervisor) again() {
	for _, p := range s.pending.groups {
		for _, t := range p.places {
			if c := t.current; c != nil {
				t.current = nil
				s.hasten(c, byRoll)
			}
			s.fill(t)
		}
	}
}

// adopt puts the pending generation into service when all of it is ready. The one before finishes what it has.
func (s *Supervisor) adopt() {
	g, old := s.pending, s.serving
	if g == nil || !g.all(ready) {
		return
	}
	s.serving, s.pending, s.now, s.left = g, nil, nil, nil
	s.say(logs.Notice, "Generation %d serves; generation %d finishes what it has.", g.plan.Generation, old.plan.Generation)
	old.farewell = s.o.Adopt(g.plan, old.plan)
	if g.front != nil {
		s.tell(g.front.current, "accept")
	}
	s.retire(old, false)
}

// abandon ends the pending generation: the one that serves goes on.
func (s *Supervisor) abandon(why string) {
	g := s.pending
	s.pending = nil
	s.say(logs.Error, "Generation %d is abandoned, because %s; generation %d goes on serving.", g.plan.Generation, why,
		s.serving.plan.Generation)
	s.retire(g, true)
}

// retire has g end: first its front, which answers what it has, and then the processes behind it.
func (s *Supervisor) retire(g *generation, hurry bool) {
	g.retired, g.hurry = true, hurry
	if hurry || s.stopping || g.front == nil {
		g.open = false
	}
	shutdown := g.longest(func(p *group) time.Duration { return p.Shutdown })
	if f := g.front.child(); f != nil {
		s.bidFarewell(f)
	}
	if g.front.child() == nil || hurry && shutdown == 0 {
		s.retireGroups(g)
	}
	if hurry {
		s.bound(g, shutdown)
	}
	s.forget(g)
}

// retireGroups has the processes of the groups of g end: nobody will send them requests any more.
func (s *Supervisor) retireGroups(g *generation) {
	g.open = false
	for _, c := range s.living(g) {
		if c.place.kind != front {
			s.bidFarewell(c)
		}
	}
}

// bidFarewell tells c, of a retired generation, to go.
func (s *Supervisor) bidFarewell(c *child) {
	switch {
	case c.place.generation.hurry:
		s.hasten(c, "shutdown_signal")
	case c.state != leaving:
		s.drain(c, byRoll)
	}
}

// bound ends g within the time d: whoever waits for the front until then does not wait longer, and who is left a second later is
// killed.
func (s *Supervisor) bound(g *generation, d time.Duration) {
	s.os.after(d, func() { s.retireGroups(g) })
	for _, c := range s.living(g) {
		s.expire(c, d+killGrace)
	}
}

// forget drops g when it has ended.
func (s *Supervisor) forget(g *generation) {
	i := slices.Index(s.generations, g)
	if i < 0 || !g.retired || len(s.living(g)) > 0 {
		return
	}
	s.generations = slices.Delete(s.generations, i, i+1)
	s.o.Retire(g.plan)
}
