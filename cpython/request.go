package cpython

// #include "arena.h"
import "C"

import (
	"errors"
	"sync/atomic"
)

// Sizes of what a slot holds, in bytes.
const (
	MaxEnviron = C.GILD_ENVIRON_SIZE // the environ block
	InputSize  = C.GILD_INPUT_SIZE   // window for the request body
	OutputSize = C.GILD_OUTPUT_SIZE  // window for the response
)

// ErrEnvironTooLarge is returned by Submit when the environ did not fit.
var ErrEnvironTooLarge = errors.New("cpython: the request headers do not fit the environ block")

// End says how a body ended.
type End uint32

const (
	Open     End = C.GILD_OPEN      // it goes on
	Complete End = C.GILD_COMPLETE  // all of it is there
	Torn     End = C.GILD_TORN      // it broke off
	TimedOut End = C.GILD_TIMEOUT   // the client was too slow
	TooLarge End = C.GILD_TOO_LARGE // LimitRequestBody was reached
)

// Request is one request in Python: a slot of the arena and the goroutine that
// looks after it. The methods are for that goroutine, save those that say
// otherwise.
//
// The order of calls: Add..., SetBody or the Input methods, Submit; then Wait
// and look (Head, Output, InputWanted) until Done; then Release.
type Request struct {
	pool   *Pool
	slot   *C.gild_slot
	number int
	serial uint32
	news   chan struct{} // capacity 1: Python has changed the slot
	inputs chan struct{} // capacity 1: the same for the goroutine that brings the body

	environ  []byte // the block, in the slot
	length   int
	overflow bool
	head     Head   // reused
	written  uint64 // our copies of input_written, output_read and input_end: what Python may write over is not read back
	read     uint64
	inputEnd atomic.Uint32

	lane      atomic.Int32
	seat      atomic.Pointer[Seat]
	queued    atomic.Int64 // when, CLOCK_MONOTONIC
	attempts  int
	permitted bool          // it has a permit of the pool
	flies     atomic.Bool   // from Submit until the slot is free: the watch looks at it
	position  atomic.Uint64 // in the ring
	verdict   atomic.Int32  // the front's, see Verdict
	lost      atomic.Bool   // the process that had it is dead
	abandoned atomic.Bool   // released before Python was through with it
	waits     atomic.Int64  // since when Wait waits, by Pool.now; 0: it does not
}

func (r *Request) init(p *Pool, number int) {
	r.pool, r.number, r.slot = p, number, p.arena.slot(number)
	r.serial = uint32(r.slot.serial)
	r.news = make(chan struct{}, 1)
	r.inputs = make(chan struct{}, 1)
	r.environ = window(r.slot, C.GILD_SLOT_HEAD, MaxEnviron)
}

// begin makes a free slot a new request.
func (r *Request) begin() {
	s := r.slot
	// A thread of the application may still be about to wait for something of
	// the last request: the futexes must not return to a value they had.
	*s = C.gild_slot{serial: C.uint32_t(r.serial), file: -1, input_futex: s.input_futex, output_futex: s.output_futex}
	atomic.StoreUint32(word(&s.state), C.GILD_SLOT_FILLING)
	r.length, r.overflow, r.written, r.read = 0, false, 0, 0
	r.attempts = 0
	r.inputEnd.Store(uint32(Open))
	r.seat.Store(nil)
	r.verdict.Store(0)
	r.lost.Store(false)
	drain(r.news)
	drain(r.inputs)
}

func drain(c chan struct{}) {
	select {
	case <-c:
	default:
	}
}

// wakeUp tells the goroutines of the request that there is news. Called by the
// poller, and by the pool when it gives the request up.
func (r *Request) wakeUp() {
	nudge(r.news)
	if End(r.inputEnd.Load()) == Open {
		nudge(r.inputs)
	}
	if r.abandoned.Load() {
		r.reclaim()
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
