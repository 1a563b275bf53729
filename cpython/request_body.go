package cpython

// #include "arena.h"
import "C"

import "sync/atomic"

// SetBodyLength declares the length of the body in bytes; -1 is unknown. The
// default is 0.
func (r *Request) SetBodyLength(n int64) { r.slot.body_length = C.int64_t(n) }

// Input returns the free part of the input window that can be written next; it
// is empty when the window is full. What is written there counts after
// CommitInput. These methods are for one goroutine at a time, not necessarily
// the one that waits for the response.
func (r *Request) Input() []byte {
	used := r.written - atomic.LoadUint64(long(&r.slot.input_read))
	at := int(r.written % InputSize)
	w := window(r.slot, C.GILD_INPUT_OFFSET, InputSize)
	return w[at:min(InputSize, at+int(InputSize-min(used, InputSize)))]
}

// CommitInput makes n bytes of Input visible to the application.
func (r *Request) CommitInput(n int) {
	r.written += uint64(n)
	atomic.StoreUint64(long(&r.slot.input_written), r.written)
	r.inputChanged()
}

// EndInput says how the body ended. Nothing may be written after that.
func (r *Request) EndInput(end End) {
	r.inputEnd.Store(uint32(end))
	atomic.StoreUint32(word(&r.slot.input_end), uint32(end))
	r.inputChanged()
}

func (r *Request) inputChanged() {
	if atomic.LoadUint32(word(&r.slot.state)) < C.GILD_SLOT_QUEUED {
		return // nobody waits yet
	}
	if r.waits.Load() != 0 {
		r.waits.Store(r.pool.now.Load()) // Python had to wait for us
	}
	futexRaise(word(&r.slot.input_futex))
}

// InputLength returns how long the body is, and false before all of it is there.
func (r *Request) InputLength() (int64, bool) {
	if End(r.inputEnd.Load()) != Complete {
		return 0, false
	}
	return int64(r.written), true
}

// WaitInput waits until the application has asked for the body (first) or has
// made room in the window (later). It returns false when the request is done.
func (r *Request) WaitInput(first bool) bool {
	full := word(&r.slot.input_full)
	atomic.StoreUint32(full, 1)
	defer atomic.StoreUint32(full, 0)
	for !r.Done() {
		if first && atomic.LoadUint32(word(&r.slot.input_wanted)) != 0 || !first && len(r.Input()) > 0 {
			return true
		}
		<-r.inputs
	}
	return false
}
