package cpython

// #include "arena.h"
import "C"

import "sync/atomic"

// distrust has a process killed that wrote what makes no sense; all of them when
// it cannot be told which. Whoever did it may have written elsewhere, too, so
// the arena is repaired when no process is left that uses it. It takes no lock:
// nonsense of a dead process is found while that is settled.
func (p *Pool) distrust(record int, what string) {
	p.damaged.Store(true)
	for i := range p.processes {
		q := &p.processes[i]
		if (i == record || record >= len(p.processes)) && q.usesArena() && !q.accused.Swap(true) && p.config.Distrust != nil {
			p.config.Distrust(i, int(q.pid.Load()), what)
		}
	}
}

// usesArena reports whether the process may be in the middle of something. One
// that is just starting waits to be let in.
func (q *process) usesArena() bool {
	switch ProcessState(q.state.Load()) {
	case Ready, Failed, Draining:
		return true
	}
	return false
}

// repair makes a damaged arena good again when no process is left that could be
// in the middle of something: what was in service is lost, and the rings are
// empty. What was queued is missing there, and queued again by the watch. The
// caller holds pmu.
func (p *Pool) repair() {
	if !p.damaged.Load() || p.inUse() {
		return
	}
	p.damaged.Store(false)
	for i := range p.all {
		r := &p.all[i]
		if queued := atomic.LoadUint32(word(&r.slot.state)) == C.GILD_SLOT_QUEUED; !queued && (r.flies.Load() || r.abandoned.Load()) {
			r.lose()
		}
	}
	for i := range p.lanes {
		p.lanes[i].mu.Lock()
		p.arena.rewind(i, p.lanes[i].tail)
		p.lanes[i].mu.Unlock()
	}
	for i := range p.arena.events {
		atomic.StoreUint64(&p.arena.events[i], 0)
	}
	*p.arena.head = p.arena.layout
	p.arena.event.Write(one) // the poller says anew whether it sleeps
}

// one is what makes an eventfd count.
var one = []byte{1, 0, 0, 0, 0, 0, 0, 0}

func (p *Pool) inUse() bool {
	for i := range p.processes {
		if p.processes[i].usesArena() {
			return true
		}
	}
	return false
}
