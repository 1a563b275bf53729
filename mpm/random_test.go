package mpm

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRandom has everything happen in any order, and shows that no two processes ever have one record, that whatever happened
// everything serves once the trouble is over, and that TERM ends all.
func TestRandom(t *testing.T) {
	for seed := range uint64(300) {
		w := &world{t: t, clock: time.Unix(1700000000, 0)}
		c := &chaos{world: w, Rand: rand.New(rand.NewPCG(seed, 0))}
		start := []string{"start daemon processes=3 startup=15s", "start daemon processes=2 min=1 max=6 spare=1-3", "start embedded processes=3"}
		c.do("%s", start[seed%3])
		for range 150 {
			c.step()
		}
		c.settle()
		c.end()
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, c.past)
		}
	}
}

// chaos makes up a story.
type chaos struct {
	*world
	*rand.Rand
	past []string
}

// do has an event happen, and checks the books after it.
func (c *chaos) do(format string, args ...any) {
	event := fmt.Sprintf(format, args...)
	c.past = append(c.past, event)
	c.play(event)
	c.events = nil
	owner := map[string]int{}
	for _, child := range c.s.children {
		if child.record < 0 {
			continue
		}
		p := child.place.group
		key := fmt.Sprint(p.generation.plan.Generation, p.index, child.record)
		if owner[key] != 0 || p.records[child.record] != taken {
			c.t.Errorf("%s: record %s is %d, of process %d and of %d", event, key, p.records[child.record], child.pid, owner[key])
		}
		owner[key] = child.pid
	}
}

// step is one event.
func (c *chaos) step() {
	pids := c.s.pids()
	switch c.IntN(12) {
	case 0:
		c.do("configuration %s", []string{"same", "changed processes=2", "bad"}[c.IntN(3)])
	case 1:
		c.do("signal %s", []string{"HUP", "USR1"}[c.IntN(2)])
	case 2, 3:
		c.do("wait %dms", c.IntN(3000))
	case 4:
		c.bury()
	default:
		if len(pids) > 0 {
			c.childStep(c.s.children[pids[c.IntN(len(pids))]])
		}
	}
}

// childStep is something that a process does.
func (c *chaos) childStep(child *child) {
	any := func(events ...string) { c.do("%d %s", child.pid, events[c.IntN(len(events))]) }
	switch {
	case c.killed[child.pid]:
		any("dies SIGKILL")
	case child.state == leaving:
		any("exits 0", "exits 0", "dies SIGSEGV", "says ready")
	case child.place.kind == front && child.state == ready:
		any("says load 0 1 0 3", "says load 0 0 4 0", "says load 0 2 2 0", "dies SIGSEGV", "is deaf")
	case child.place.kind == front:
		any("says ready", "says ready", "dies SIGKILL")
	case child.state == starting:
		any("says ready", "says ready", "says ready", "says failed ImportError", "dies SIGSEGV", "says renew memory_limit")
	default:
		any("says renew maximum_requests", "says renew script_reload", "says renew memory_limit", "says leaving shutdown_signal",
			"dies SIGSEGV", "says what")
	}
}

// bury has every front bury what there is.
func (c *chaos) bury() {
	for _, g := range c.s.generations {
		f := g.front.child()
		if f == nil || c.killed[f.pid] {
			continue
		}
		for _, p := range g.groups {
			for i, r := range p.records {
				if r == unburied {
					c.do("%d says buried %d %d", f.pid, p.index, i)
				}
			}
		}
	}
}

// settle lets everybody behave, until everything should serve.
func (c *chaos) settle() {
	c.do("configuration same")
	for range 60 {
		c.behave()
		c.do("wait 5s")
	}
	places := c.s.serving.places()
	if len(c.s.generations) != 1 || c.s.pending != nil || !c.s.serving.all(ready) || len(c.s.children) != len(places) || c.s.rolling() {
		c.t.Errorf("at the end: %s", c.processes())
	}
}

// behave has everybody do what is expected.
func (c *chaos) behave() {
	clear(c.deaf)
	c.bury()
	for _, pid := range c.s.pids() {
		switch child := c.s.children[pid]; {
		case child == nil:
		case c.killed[pid]:
			c.do("%d dies SIGKILL", pid)
		case child.state == leaving:
			c.do("%d exits 0", pid)
		case child.state == starting:
			c.do("%d says ready", pid)
		case child.place.kind == front:
			c.do("%d says load 0 0 2 0", pid)
		}
	}
}

// end stops everything, whoever listens.
func (c *chaos) end() {
	c.do("signal TERM")
	c.do("wait 6s")
	for _, pid := range c.s.pids() {
		if !c.killed[pid] {
			c.t.Errorf("process %d was not killed", pid)
		}
		c.do("%d dies SIGKILL", pid)
	}
	if len(c.s.children) != 0 || len(c.s.generations) != 0 {
		c.t.Errorf("after TERM: %s", c.processes())
	}
}
