package cpython

// #include "arena.h"
import "C"

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// PoolConfig says how a Pool treats its processes and its requests.
type PoolConfig struct {
	Lanes    []int         // the GIL lane of each application, see Lanes
	Capacity int           // requests that Python can serve at once, all processes together
	Backlog  int           // requests that may wait beyond those; 0: as many as the arena has room for
	Connect  time.Duration // how long a request waits for room, or for a process to be there, before it is 503; 0: for ever
	Queue    time.Duration // how long a connection waits for a seat before it is 504; 0: for ever
	Socket   time.Duration // how long Python may keep silent before the request is 504; 0: for ever
	Seats    bool          // each connection has a Python thread of its own (worker and prefork MPM)

	Distrust func(process, pid int, reason string) // a process has broken the protocol: it must be killed. Any goroutine, which may be in Process; nil: nobody is told
}

// Pool is the front of an arena: it takes requests to the Python threads of the
// processes behind it, and knows which of these are there.
type Pool struct {
	config PoolConfig
	arena  *Arena
	clock  clock
	poller *poller
	lanes  []lane
	seats  shelf[*Seat]

	all     []Request
	free    shelf[*Request]
	permits shelf[struct{}] // to be queued or served

	pmu       sync.Mutex
	processes []process
	damaged   atomic.Bool  // a process has written nonsense, and the arena was not repaired since
	open      atomic.Int32 // processes that take requests
	openSince atomic.Int64 // when the number became 0 or ceased to be
	service   atomic.Int64 // nanoseconds a request takes, lately

	flying  atomic.Int64 // requests between Submit and their end
	stirred chan struct{}
	closing chan struct{}
	watched sync.WaitGroup
	now     atomic.Int64 // CLOCK_MONOTONIC, as of the watch's last look
	missing []int        // the watch's: by slot, looks in which it was queued and in no ring

	fileMu sync.Mutex
	files  map[int]passed // by slot
}

// lane is Go's side of a submission ring. What is pushed is known here and not
// read back from the arena.
type lane struct {
	mu   sync.Mutex
	tail uint64 // guarded by mu for writing
	seen uint64 // the watch's: head at its last look
}

// ErrBusy is returned by Submit when the backlog stayed full.
var ErrBusy = errors.New("cpython: more requests wait than the backlog holds")

// NewPool returns the front of an arena. It knows of no process yet, see
// Process. A process that has used the arena before, as the front that died
// did, is taken over: what was queued is forgotten, what is being served is
// waited for.
func NewPool(a *Arena, c PoolConfig) *Pool {
	p := &Pool{config: c, arena: a, clock: newClock(), lanes: make([]lane, a.Lanes), processes: make([]process, a.Processes),
		stirred: make(chan struct{}, 1), closing: make(chan struct{}), files: map[int]passed{}}
	p.now.Store(p.clock.now())
	p.openSince.Store(p.clock.now())
	p.all, p.missing = make([]Request, a.Requests), make([]int, a.Requests)
	for i := range p.all {
		p.all[i].init(p, i)
	}
	p.recover()
	for range p.permitted() {
		p.permits.put(struct{}{})
	}
	p.poller = newPoller(a, func(slot int) {
		if slot < len(p.all) {
			p.all[slot].wakeUp()
		}
	})
	go p.poller.run()
	p.watched.Go(p.watch)
	return p
}

// permitted is how many requests may be queued or served.
func (p *Pool) permitted() int {
	if p.config.Backlog == 0 {
		return p.arena.Requests
	}
	return min(p.config.Capacity+p.config.Backlog, p.arena.Requests)
}

// recover makes every slot free that no process has in service; the others
// become free when they are done. The rings are emptied. Slots are put on the
// shelf so that the first ones are used first.
func (p *Pool) recover() {
	for i := range p.lanes {
		p.lanes[i].tail = p.arena.skip(i)
	}
	for i := len(p.all) - 1; i >= 0; i-- {
		r := &p.all[i]
		switch atomic.LoadUint32(word(&r.slot.state)) {
		case C.GILD_SLOT_CLAIMED, C.GILD_SLOT_RESPONDING:
			r.abandon()
		case C.GILD_SLOT_QUEUED:
			// A thread that has popped it may be about to claim it.
			if atomic.CompareAndSwapUint32(word(&r.slot.state), C.GILD_SLOT_QUEUED, C.GILD_SLOT_DONE) {
				r.recycle()
			} else {
				r.abandon()
			}
		default:
			r.recycle()
		}
	}
}

// Acquire returns a slot for a request, waiting for one until the context ends
// or, with ErrBusy, the connect timeout. The caller owns it until Release.
func (p *Pool) Acquire(ctx context.Context) (*Request, error) {
	r, err := p.free.take(ctx, p.config.Connect)
	if err == nil {
		r.begin()
		return r, nil
	}
	return nil, busy(err)
}

// busy names the end of somebody's patience for callers.
func busy(err error) error {
	if err == errPatience {
		return ErrBusy
	}
	return err
}

// Queued returns how many requests wait for a Python thread.
func (p *Pool) Queued() int {
	_, n := p.seats.counts()
	for i := range p.lanes {
		n += p.queued(i)
	}
	return n
}

// queued is what waits in the ring of a lane, as far as its head can be
// believed. That may be ahead for a moment: a request is pushed before it is
// counted.
func (p *Pool) queued(i int) int {
	n := int64(p.pushed(i) - p.arena.popped(i))
	return int(min(max(n, 0), int64(p.arena.Requests)))
}

// Close ends the pool's goroutines. No request may be in flight.
func (p *Pool) Close() {
	close(p.closing)
	p.watched.Wait()
	p.poller.stop()
}

// push queues a slot.
func (p *Pool) push(r *Request, i int) {
	l := &p.lanes[i]
	l.mu.Lock()
	r.position.Store(l.tail)
	p.arena.put(i, l.tail, r.number)
	atomic.StoreUint64(&l.tail, l.tail+1)
	l.mu.Unlock()
}

// pushed counts the requests that were ever pushed into the ring of a lane.
func (p *Pool) pushed(i int) uint64 { return atomic.LoadUint64(&p.lanes[i].tail) }
