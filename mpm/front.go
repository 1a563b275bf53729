package mpm

import (
	"fmt"

	"gild/logs"
)

// child returns the process of the front's place t, which may be nil, or nil when there is none now.
func (t *place) child() *child {
	if t == nil || !t.current.alive() {
		return nil
	}
	return t.current
}

// tellFront tells the front that c is in a new state, and why.
func (s *Supervisor) tellFront(c *child, state, reason string) {
	if f := c.place.generation.front.child(); f != nil && c.record >= 0 {
		s.tell(f, Process{c.place.group.index, c.record, c.pid, state, reason}.String())
	}
}

// brief tells a new front, which may not be the first of its generation, all that it has to know.
func (s *Supervisor) brief(f *child) {
	words := map[state]string{starting: "starting", ready: "ready", failed: "failed", leaving: "draining"}
	g := f.place.generation
	for _, c := range s.living(g) {
		if c != f {
			s.tell(f, Process{c.place.group.index, c.record, c.pid, words[c.state], c.doom}.String())
		}
	}
	if g != s.pending {
		s.tell(f, "accept")
	}
}

// onFrontReady is the verb "ready" of a front.
func (s *Supervisor) onFrontReady(f *child, _ string) error {
	if err := f.move(ready); err != nil {
		return err
	}
	s.say(logs.Info, "Process '%s' (pid=%d) is ready.", f.name(), f.pid)
	s.adopt()
	return nil
}

// onBuried is the verb "buried G R". It may come late, for a record that another front's end has set free.
func (s *Supervisor) onBuried(f *child, text string) error {
	var record int
	p, rest, err := f.place.generation.parseGroup(text, &record)
	if err != nil || rest != "" {
		return fmt.Errorf("%.40q names no record", text)
	}
	s.release(p, record, unburied)
	return nil
}

// onKill is the verb "kill G R PID REASON". The process may have ended meanwhile.
func (s *Supervisor) onKill(f *child, text string) error {
	var record, pid int
	p, reason, err := f.place.generation.parseGroup(text, &record, &pid)
	if err != nil {
		return err
	}
	c := s.children[pid]
	if c == nil || c.place.group != p || c.record != record {
		return nil
	}
	s.say(logs.Error, "Process '%s' (pid=%d) broke the protocol of the arena: %s; killing it.", c.name(), pid, reason)
	s.abort(c, reason)
	return nil
}

// onLoad is the verb "load G BUSY IDLE WAITING".
func (s *Supervisor) onLoad(f *child, text string) error {
	l := load{known: true}
	p, rest, err := f.place.generation.parseGroup(text, &l.busy, &l.idle, &l.waiting)
	if err != nil || rest != "" {
		return fmt.Errorf("%.40q is no load", text)
	}
	p.scale.load = l
	return nil
}

// parseGroup takes the index of a group of g and some numbers from the front of text, and returns what follows.
func (g *generation) parseGroup(text string, places ...*int) (p *group, rest string, err error) {
	var index int
	rest, err = numbers(text, append([]*int{&index}, places...)...)
	if err == nil && index >= len(g.groups) {
		err = fmt.Errorf("there is no group %d", index)
	}
	if err != nil {
		return nil, "", err
	}
	return g.groups[index], rest, nil
}

// frontGone is what there is to do after a front has been reaped. What its dead processes left went with it.
func (s *Supervisor) frontGone(g *generation) {
	for _, p := range g.groups {
		p.scale.load = load{}
		for i := range p.records {
			s.release(p, i, unburied)
		}
	}
	if g.retired {
		s.retireGroups(g)
	}
}
