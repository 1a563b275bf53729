package cpython

// #include "arena.h"
import "C"

import (
	"context"
	"sync/atomic"
	"time"
)

// Flags of Submit.
const (
	NoBody     = C.GILD_NO_BODY     // the method is HEAD
	HTTPS      = C.GILD_HTTPS       // wsgi.url_scheme is https
	NoActivity = C.GILD_NO_ACTIVITY // does not count against the inactivity timeout
)

// Submit queues the request for an application; with a seat, for the thread that
// has it. started is when its first byte came. It may wait for room in the queue
// until the context ends. After an error the request is over: Done returns true,
// release it.
func (r *Request) Submit(ctx context.Context, application int, flags uint32, started time.Time, seat *Seat) error {
	if r.overflow {
		return r.refuse(ErrEnvironTooLarge)
	}
	if err := r.permit(ctx); err != nil {
		return r.refuse(err)
	}
	s := r.slot
	lane := r.pool.config.Lanes[application]
	r.lane.Store(int32(lane))
	r.seat.Store(seat)
	s.lane, s.application, s.flags = C.uint32_t(lane), C.uint32_t(application), C.uint32_t(flags)
	s.environ_length = C.uint32_t(r.length)
	now := r.pool.clock.now()
	s.started, s.queued = C.int64_t(started.UnixNano()), C.int64_t(now)
	r.queued.Store(now)
	r.queue(now)
	return nil
}

// refuse ends a request that was not queued.
func (r *Request) refuse(err error) error {
	atomic.StoreUint32(word(&r.slot.output_end), C.GILD_TORN)
	atomic.StoreUint32(word(&r.slot.state), C.GILD_SLOT_DONE)
	r.wakeUp()
	return err
}

// permit waits until the request may be queued. Where the slots are the bound,
// the request has its permit already.
func (r *Request) permit(ctx context.Context) error {
	p := r.pool
	if p.permitted() == p.arena.Requests {
		return nil
	}
	if _, ok := p.permits.try(); !ok {
		if _, err := p.permits.take(ctx, p.config.Connect); err != nil {
			return busy(err)
		}
	}
	r.permitted = true
	return nil
}

// queue gives the request to whichever thread comes first, or to the one of its
// seat.
func (r *Request) queue(now int64) {
	p := r.pool
	atomic.StoreUint32(word(&r.slot.state), C.GILD_SLOT_QUEUED)
	if !r.flies.Load() {
		p.launch(r, now)
	}
	if seat := r.seat.Load(); seat != nil {
		seat.assign(r)
		return
	}
	lane := int(r.lane.Load())
	p.push(r, lane)
	p.gather(lane)
	p.wake(lane, now)
}

// Refused takes note that the process which handed the request back (Retry) does
// not want others either. Call it before the seat for Resubmit is taken.
func (r *Request) Refused() {
	if atomic.LoadUint32(word(&r.slot.verdict)) == Retry {
		r.pool.refused(int(atomic.LoadUint32(word(&r.slot.process))))
	}
}

// Resubmit queues a request again whose verdict was Retry. Nothing of it has
// reached the application.
func (r *Request) Resubmit(seat *Seat) {
	r.attempts++
	r.rise()
	r.seat.Store(seat)
	r.slot.verdict, r.slot.output_end = 0, C.GILD_OPEN
	r.verdict.Store(0)
	r.queue(r.pool.clock.now())
}

// Attempts counts the calls of Resubmit.
func (r *Request) Attempts() int { return r.attempts }

// Retry is the verdict about a request that its process did not begin with,
// because it is about to be replaced: another one has to serve it.
const Retry = C.GILD_RETRY

// Verdict is what to do when Done has returned true: 0, the response is in the
// slot; Retry; or the HTTP status to answer instead: 502 when the process died,
// 503 when there was none, 504 when something took too long.
func (r *Request) Verdict() int {
	if v := r.verdict.Load(); v != 0 {
		return int(v)
	}
	switch v := int(atomic.LoadUint32(word(&r.slot.verdict))); {
	case v == C.GILD_ANSWERED || v == Retry || v >= 500 && v < 600:
		return v
	default:
		return badGateway
	}
}

// GivenUp reports whether the verdict is the front's: nobody has logged it.
func (r *Request) GivenUp() bool { return r.verdict.Load() != 0 }

// The statuses of verdicts.
const (
	badGateway     = 502
	unavailable    = 503
	gatewayTimeout = 504
)

// giveUp ends the request for its goroutine, wherever it is. Python may still be
// busy with it.
func (r *Request) giveUp(verdict int32) {
	if seat := r.seat.Load(); seat != nil {
		seat.withdraw(r)
	} else {
		atomic.CompareAndSwapUint32(word(&r.slot.state), C.GILD_SLOT_QUEUED, C.GILD_SLOT_CANCELLED)
	}
	r.verdict.CompareAndSwap(0, verdict)
	nudge(r.news)
	nudge(r.inputs)
}

// Wait waits until Python has changed something in the slot, or the pool has
// given the request up.
func (r *Request) Wait() {
	r.waits.Store(r.pool.now.Load())
	<-r.news
	r.waits.Store(0)
}

// Interrupt makes a Wait end, this one or the next. Any goroutine may call it.
func (r *Request) Interrupt() { nudge(r.news) }

// WaitContext is Wait for a request that the caller gives up when the context
// ends: Done returns true then, and the verdict is 504.
func (r *Request) WaitContext(ctx context.Context) {
	r.waits.Store(r.pool.now.Load())
	select {
	case <-r.news:
	case <-ctx.Done():
		r.giveUp(gatewayTimeout)
	}
	r.waits.Store(0)
}

// WaitFor is Wait for d at most. It returns false when nothing has come.
func (r *Request) WaitFor(d time.Duration) bool {
	if d <= 0 {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.news:
		return true
	case <-timer.C:
		return false
	}
}

// Done reports whether the request is over: Python is through with it, or the
// pool has given it up; see Verdict. What Python wrote can still be read. Any
// goroutine may call it until Release.
//
// A slot that is DONE without an end of the response was taken back from Python
// unserved; the verdict about it follows at once.
func (r *Request) Done() bool {
	return r.verdict.Load() != 0 || atomic.LoadUint32(word(&r.slot.state)) == C.GILD_SLOT_DONE && r.End() != Open
}

// isThrough reports whether Python will not touch the slot any more.
func (r *Request) isThrough() bool {
	return atomic.LoadUint32(word(&r.slot.state)) == C.GILD_SLOT_DONE || r.lost.Load()
}

// End returns how the response ended: Open, Complete or Torn. It may be known a
// moment before Done, and is final once Done has returned true.
func (r *Request) End() End { return End(atomic.LoadUint32(word(&r.slot.output_end))) }

// Release gives the slot back: before Submit, or when Done has returned true. A
// file that was not taken is closed. If Python is still busy with the request it
// is told that nobody listens, and the slot is free when it is through.
func (r *Request) Release() {
	if r.isThrough() || !r.flies.Load() {
		r.recycle()
		return
	}
	r.abandon()
}

// abandon leaves the slot to Python until that is through with it.
func (r *Request) abandon() {
	r.verdict.CompareAndSwap(0, badGateway)
	if End(r.inputEnd.Load()) == Open {
		r.EndInput(Torn)
	}
	r.ClientGone()
	r.abandoned.Store(true)
	r.reclaim()
}

// reclaim makes an abandoned slot free if Python is through with it. Whoever
// makes one of the two conditions true calls it.
func (r *Request) reclaim() {
	if r.isThrough() && r.abandoned.CompareAndSwap(true, false) {
		r.recycle()
	}
}

// recycle makes the slot free.
func (r *Request) recycle() {
	r.closeFile()
	r.rise()
	r.pool.land(r)
	r.serial++
	atomic.StoreUint32(word(&r.slot.serial), r.serial)
	atomic.StoreUint32(word(&r.slot.state), C.GILD_SLOT_FREE)
	r.pool.free.put(r)
}

// Times of a request, for the log.
type Times struct {
	Queue       time.Duration // from Submit to the pick-up by a thread
	GIL         time.Duration // until the thread held the GIL
	Application time.Duration // from the call to the end of the response
	FirstByte   time.Duration // from Submit to the head of the response
}

// Times returns what is known; final once Done has returned true.
func (r *Request) Times() Times {
	s := r.slot
	between := func(from, to C.int64_t) time.Duration {
		if from == 0 {
			return 0 // never reached: the application could not be loaded, or memory was out
		}
		return max(0, time.Duration(to-from))
	}
	return Times{
		Queue:       between(s.queued, s.picked_up),
		GIL:         between(s.picked_up, s.gil),
		Application: between(s.application_start, s.done),
		FirstByte:   between(s.queued, s.first_byte),
	}
}
