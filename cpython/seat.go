package cpython

// #include "arena.h"
import "C"

import (
	"context"
	"errors"
	"sync/atomic"
)

// A Seat is a Python thread that serves one connection only, until that is
// closed (worker and prefork MPM). One request at a time.
type Seat struct {
	pool    *Pool
	process int
	thread  int
	busy    atomic.Int32 // requests that are not over, given up ones included
	gone    atomic.Bool  // its process takes no more requests
	left    atomic.Bool  // nobody holds it, but the thread is still busy
}

// ErrNoSeat is returned by TakeSeat when all threads stayed taken.
var ErrNoSeat = errors.New("cpython: all Python threads have a connection")

// TakeSeat returns a seat, waiting for one until the context ends. ErrBusy: too
// many wait already, or no process was there for the connect timeout. ErrNoSeat:
// the queue timeout is over.
func (p *Pool) TakeSeat(ctx context.Context) (*Seat, error) {
	if s, ok := p.seats.try(); ok {
		return s, nil
	}
	if _, waiting := p.seats.counts(); p.config.Backlog > 0 && waiting >= p.config.Backlog {
		return nil, ErrBusy
	}
	patience, failure := p.config.Queue, ErrNoSeat
	if c := p.config.Connect; p.open.Load() == 0 && c > 0 && (patience == 0 || c < patience) {
		patience, failure = c, ErrBusy
	}
	nudge(p.stirred)
	s, err := p.seats.take(ctx, patience)
	if err == errPatience {
		err = failure
	}
	return s, err
}

// Valid reports whether the process of the seat still takes requests.
func (s *Seat) Valid() bool { return !s.gone.Load() }

// Close gives the seat back. The thread may still be busy with a request that
// was given up.
func (s *Seat) Close() {
	s.left.Store(true)
	s.giveBack()
}

// giveBack puts a seat that was left on the shelf when none of its requests is
// in service any more. Whoever makes one of the two conditions true calls it.
func (s *Seat) giveBack() {
	if s.left.Load() && !s.gone.Load() && s.busy.Load() == 0 && s.left.CompareAndSwap(true, false) {
		s.pool.seats.put(s)
	}
}

// rise ends what the request has to do with its seat.
func (r *Request) rise() {
	if s := r.seat.Swap(nil); s != nil {
		s.busy.Add(-1)
		s.giveBack()
	}
}

// assign gives a queued request to the thread. It is assigned before the thread
// is looked at: one that is about to become idle looks again after that.
func (s *Seat) assign(r *Request) {
	s.busy.Add(1)
	if !s.gone.Load() { // or the record may be another process's already
		s.call(r)
	}
	if s.gone.Load() && s.withdraw(r) {
		r.verdict.CompareAndSwap(0, Retry)
		nudge(r.news)
	}
}

// call has the thread take the request, now or when it has done what it does.
func (s *Seat) call(r *Request) {
	t := s.pool.arena.thread(s.process, s.thread)
	atomic.StoreUint32(word(&t.assigned), uint32(r.number)+1)
	duty := word(&t.duty)
	if atomic.CompareAndSwapUint32(duty, C.GILD_THREAD_IDLE, C.GILD_THREAD_SEATED) {
		futexWake(duty, 1)
	}
}

// withdraw takes back a request that the thread has not claimed.
func (s *Seat) withdraw(r *Request) bool {
	t := s.pool.arena.thread(s.process, s.thread)
	atomic.CompareAndSwapUint32(word(&t.assigned), uint32(r.number)+1, 0)
	return atomic.CompareAndSwapUint32(word(&r.slot.state), C.GILD_SLOT_QUEUED, C.GILD_SLOT_DONE)
}

// place makes seats of the threads of a process that is ready.
func (p *Pool) place(record int) {
	q := &p.processes[record]
	if !p.config.Seats || len(q.seats) > 0 {
		return
	}
	for i := p.arena.threads(record) - 1; i >= 0; i-- {
		s := &Seat{pool: p, process: record, thread: i}
		q.seats = append(q.seats, s)
		p.seats.put(s)
	}
}

// unseat takes the seats of a process away: the free ones at once, the others
// when their connection notices.
func (p *Pool) unseat(record int) {
	q := &p.processes[record]
	for _, s := range q.seats {
		s.gone.Store(true)
	}
	q.seats = nil
	p.seats.drop(func(s *Seat) bool { return s.process == record })
}

// Load says how many seats are taken and free, and how many connections wait
// for one.
func (p *Pool) Load() (busy, idle, waiting int) {
	idle, waiting = p.seats.counts()
	p.pmu.Lock()
	defer p.pmu.Unlock()
	for i := range p.processes {
		busy += len(p.processes[i].seats)
	}
	return max(0, busy-idle), idle, waiting
}
