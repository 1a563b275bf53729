package cpython

// #include "arena.h"
import "C"

import (
	"slices"
	"sync/atomic"
)

// ProcessState is what the front is told about a process of its arena.
type ProcessState int32

// The states. A process takes requests while it is Ready; while no process is,
// one that has Failed does, so that somebody says what is wrong.
const (
	Absent   ProcessState = iota
	Starting              // loads its applications
	Ready
	Failed   // has not loaded its applications: it answers 500
	Draining // finishes what it has
	Dead     // is gone; its record is cleaned and then Absent
)

// stateNames are the words for the states.
var stateNames = [...]string{"absent", "starting", "ready", "failed", "draining", "dead"}

// String returns the word for a state.
func (s ProcessState) String() string { return stateNames[s] }

// ParseProcessState is the reverse of String; false: there is no such state.
func ParseProcessState(word string) (ProcessState, bool) {
	i := slices.Index(stateNames[:], word)
	return ProcessState(max(i, 0)), i >= 0
}

// process is what the front knows about a record. Nothing of it is read from the
// arena.
type process struct {
	state   atomic.Int32
	pid     atomic.Int64
	open    atomic.Bool // it takes requests, as far as the front knows
	accused atomic.Bool // it is being killed for what it wrote
	shut    bool        // it has closed itself, and is Ready otherwise
	seats   []*Seat
}

// Process tells the pool what has become of a process. Whoever starts the
// processes calls it, one call at a time. When it returns for a process that is
// Dead, its record may be given to another one.
func (p *Pool) Process(record, pid int, state ProcessState) {
	if record < 0 || record >= len(p.processes) {
		return
	}
	p.pmu.Lock()
	defer p.pmu.Unlock()
	q := &p.processes[record]
	q.pid.Store(int64(pid))
	q.state.Store(int32(state))
	if state == Ready {
		q.open.Store(false) // one that had closed itself is opened again
		q.shut = false
	}
	p.reconsider()
	switch state {
	case Starting:
		q.accused.Store(false)
		q.shut = false
		p.settle(record) // what a front before this one did not get to
	case Dead:
		p.settle(record)
		p.arena.reset(record)
		q.state.Store(int32(Absent))
		p.repair()
	}
	p.wakeAll()
}

// reconsider lets those processes take requests that should and did not, stops
// those that should no longer, and counts.
func (p *Pool) reconsider() {
	ready := false
	for i := range p.processes {
		ready = ready || ProcessState(p.processes[i].state.Load()) == Ready
	}
	open := int32(0)
	for i := range p.processes {
		state := ProcessState(p.processes[i].state.Load())
		should := state == Ready || state == Failed && !ready
		if should {
			open++
		}
		p.setOpen(i, should && !p.processes[i].shut)
	}
	if before := p.open.Swap(open); (before == 0) != (open == 0) {
		p.openSince.Store(p.clock.now())
	}
}

// setOpen lets a process take requests, or stops it.
func (p *Pool) setOpen(record int, open bool) {
	q := &p.processes[record]
	if q.open.Swap(open) == open {
		return
	}
	p.arena.setClosed(record, !open)
	if open {
		p.place(record)
	} else {
		p.unseat(record)
	}
}

// refused takes note that a process has closed itself, because it wants to be
// replaced.
func (p *Pool) refused(record int) {
	p.pmu.Lock()
	defer p.pmu.Unlock()
	if record < len(p.processes) && ProcessState(p.processes[record].state.Load()) == Ready {
		p.processes[record].shut = true
		p.setOpen(record, false)
	}
}

// reopen lets those processes take requests again that had closed themselves and
// have changed their mind: their replacement has failed.
func (p *Pool) reopen() {
	p.pmu.Lock()
	defer p.pmu.Unlock()
	for i := range p.processes {
		if q := &p.processes[i]; q.shut && !p.arena.isClosed(i) {
			q.shut = false
			p.setOpen(i, ProcessState(q.state.Load()) == Ready)
		}
	}
}

// settle answers for a process that is gone: what it was serving is lost, what
// it had not begun is queued again. If it was the last one, nobody has anything
// in service, whatever the slots say.
func (p *Pool) settle(record int) {
	last := p.isLast(record)
	for i := range p.all {
		if r := &p.all[i]; r.flies.Load() || r.abandoned.Load() {
			r.settle(record, last && r.flies.Load())
		}
	}
}

func (r *Request) settle(record int, last bool) {
	switch atomic.LoadUint32(word(&r.slot.state)) {
	case C.GILD_SLOT_QUEUED:
		if seat := r.seat.Load(); seat != nil && (last || seat.process == record) && seat.withdraw(r) {
			r.verdict.CompareAndSwap(0, Retry)
			r.wakeUp()
		}
	case C.GILD_SLOT_CANCELLED: // the watch drops it
	case C.GILD_SLOT_DONE:
		r.wakeUp() // it may have died before it said so
	case C.GILD_SLOT_CLAIMED, C.GILD_SLOT_RESPONDING:
		if last || int(atomic.LoadUint32(word(&r.slot.process))) == record {
			r.lose()
		}
	default:
		if last {
			r.lose()
		}
	}
}

// isLast reports whether a process that is dead was the last one that could have
// a request of this front. One that this front has not been told of yet may have
// been there before it.
func (p *Pool) isLast(record int) bool {
	for i := range p.processes {
		q := &p.processes[i]
		unknown := ProcessState(q.state.Load()) == Absent && i != record && atomic.LoadUint32(word(&p.arena.procs[i].pid)) != 0
		if q.usesArena() || unknown {
			return false
		}
	}
	return ProcessState(p.processes[record].state.Load()) == Dead
}

// lose gives up a request whose process is gone.
func (r *Request) lose() {
	r.lost.Store(true)
	r.verdict.CompareAndSwap(0, badGateway)
	r.wakeUp()
}

// wakeAll sees to it that what waits is served by those who are there now, and by
// threads that somebody was about to wake when he died.
func (p *Pool) wakeAll() {
	for i := range p.processes {
		p.arena.kick(i)
	}
	for lane := range p.lanes {
		if p.queued(lane) > 0 {
			p.rouseWhere(lane, p.clock.now(), p.anyProcess)
		}
	}
}

// Open returns how many processes take requests.
func (p *Pool) Open() int { return int(p.open.Load()) }
