package cpython

// #include "arena.h"
import "C"

import (
	"fmt"
	"sync/atomic"
	"time"
)

// look is how often the watch looks at the requests in flight.
const look = 100 * time.Millisecond

// launch counts a request as in flight.
func (p *Pool) launch(r *Request, now int64) {
	r.flies.Store(true)
	if p.flying.Add(1) == 1 {
		p.now.Store(now)
		nudge(p.stirred)
	}
}

// land counts a request as over, if it was in flight.
func (p *Pool) land(r *Request) {
	if r.permitted {
		r.permitted = false
		p.permits.put(struct{}{})
	}
	if r.flies.CompareAndSwap(true, false) {
		p.flying.Add(-1)
		p.learn(int64(r.slot.done) - int64(r.slot.picked_up))
	}
}

// learn keeps an average of how long requests take. What a process says about
// it is bounded, since it only says how eagerly others are woken.
func (p *Pool) learn(took int64) {
	const most, weight = int64(time.Second), 16
	before := p.service.Load()
	p.service.Store(before + (min(max(took, 0), most)-before)/weight)
}

// watch looks after the requests in flight as long as there are any: those that
// wait for too long, and those that nobody has in hand although somebody should.
func (p *Pool) watch() {
	timer := time.NewTimer(look)
	defer timer.Stop()
	for {
		if p.isQuiet() {
			select {
			case <-p.stirred:
			case <-p.closing:
				return
			}
		}
		timer.Reset(look)
		select {
		case <-timer.C:
			p.look()
		case <-p.closing:
			return
		}
	}
}

// isQuiet reports whether there is nothing to look after.
func (p *Pool) isQuiet() bool {
	_, waiting := p.seats.counts()
	return p.flying.Load() == 0 && waiting == 0
}

func (p *Pool) look() {
	now := p.clock.now()
	p.now.Store(now)
	p.poller.catchUp()
	for i := range p.all {
		if r := &p.all[i]; r.flies.Load() {
			p.examine(r, now)
		}
	}
	for i := range p.lanes {
		p.checkRing(i)
		p.sweep(i)
		p.rescue(i, now)
	}
	p.reopen()
}

// examine gives up a request that has waited for too long, and looks for one
// that a process has taken from its ring and then died before it could say so.
func (p *Pool) examine(r *Request, now int64) {
	switch atomic.LoadUint32(word(&r.slot.state)) {
	case C.GILD_SLOT_QUEUED:
		if r.seat.Load() != nil || p.isTooLate(r, now) {
			break
		}
		if p.isMissing(r) {
			p.push(r, int(r.lane.Load()))
		}
	case C.GILD_SLOT_CANCELLED:
		if r.seat.Load() != nil || p.isMissing(r) {
			r.drop()
		}
	}
	waits := r.waits.Load()
	if p.config.Socket > 0 && waits != 0 && now-waits >= int64(p.config.Socket) {
		r.giveUp(gatewayTimeout)
	}
}

// isTooLate gives up a queued request if no process was there for the connect
// timeout.
func (p *Pool) isTooLate(r *Request, now int64) bool {
	since := max(r.queued.Load(), p.openSince.Load())
	if p.config.Connect == 0 || p.open.Load() > 0 || now-since < int64(p.config.Connect) {
		return false
	}
	r.giveUp(unavailable)
	return true
}

// isMissing reports whether the ring has been read beyond a request, and nobody
// has said for several looks that he has it.
func (p *Pool) isMissing(r *Request) bool {
	const looks = 3
	if p.arena.popped(int(r.lane.Load())) <= r.position.Load() {
		p.missing[r.number] = 0
		return false
	}
	p.missing[r.number]++
	if p.missing[r.number] < looks {
		return false
	}
	p.missing[r.number] = 0
	return true
}

// checkRing has the processes killed, all of them, when the head of a ring is
// where no pop can have brought it, or its tail is not where the front has put
// it. What was in the ring is then missing, and queued again.
func (p *Pool) checkRing(lane int) {
	l := &p.lanes[lane]
	l.mu.Lock()
	head, tail := p.arena.popped(lane), l.tail
	wrong := tail-head > uint64(p.arena.Requests) || tail != p.arena.tail(lane)
	if wrong {
		p.arena.rewind(lane, tail)
	}
	l.mu.Unlock()
	if wrong {
		p.distrust(len(p.processes), fmt.Sprintf("the ring of lane %d was read up to %d, but written up to %d", lane, head, tail))
	}
}

// sweep takes what was given up off the front of a ring when no process does.
func (p *Pool) sweep(lane int) {
	for {
		head := p.arena.popped(lane)
		number := p.arena.cell(lane, head)
		if head >= p.pushed(lane) || number >= len(p.all) || !p.all[number].isCancelled() || !p.arena.pop(lane, head) {
			return
		}
		p.all[number].drop()
	}
}

// drop says of a request that was given up that no ring holds it.
func (r *Request) drop() {
	if atomic.CompareAndSwapUint32(word(&r.slot.state), C.GILD_SLOT_CANCELLED, C.GILD_SLOT_DONE) {
		r.wakeUp()
	}
}

func (r *Request) isCancelled() bool {
	return atomic.LoadUint32(word(&r.slot.state)) == C.GILD_SLOT_CANCELLED
}

// rescue wakes a thread, wherever there is one, for a ring that has not moved
// since the last look: those that should have come are stuck.
func (p *Pool) rescue(i int, now int64) {
	head := p.arena.popped(i)
	stuck := head == p.lanes[i].seen && p.queued(i) > 0
	p.lanes[i].seen = head
	if !stuck || p.config.Seats {
		return
	}
	for q := range p.processes {
		if p.processes[q].open.Load() && p.arena.wakeIn(q, i, now) {
			return
		}
	}
}
