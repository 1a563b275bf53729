package cpython

// #include "arena.h"
import "C"

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Output returns what of the response body can be read now, as far as it is in
// one piece. Advance says how much of it was used; the memory is Python's again
// after that.
func (r *Request) Output() ([]byte, error) {
	s := r.slot
	unread := atomic.LoadUint64(long(&s.output_written)) - r.read
	if unread > OutputSize {
		return nil, r.corrupt(fmt.Sprintf("slot %d has %d unread bytes in a window of %d", r.number, unread, OutputSize))
	}
	at := int(r.read % OutputSize)
	return window(s, C.GILD_OUTPUT_OFFSET, OutputSize)[at:min(OutputSize, at+int(unread))], nil
}

// corrupt reports the process that wrote nonsense into the slot.
func (r *Request) corrupt(what string) error {
	r.pool.distrust(int(atomic.LoadUint32(word(&r.slot.process))), what)
	return errors.New("cpython: the arena is corrupt: " + what)
}

// BodyLength returns how many bytes of body are left to be sent, a file
// included, and false before that is known. For HEAD it is what the application
// produced, although nothing of it is to be sent.
func (r *Request) BodyLength() (int64, bool) {
	if !r.Done() {
		return 0, false
	}
	s := r.slot
	unread := atomic.LoadUint64(long(&s.output_written)) - r.read
	length := int64(unread) + max(0, int64(s.discarded))
	if s.file != -1 {
		length += int64(s.file_length)
	}
	return length, unread <= OutputSize && length >= int64(unread)
}

// Advance gives n bytes of Output back to Python.
func (r *Request) Advance(n int) {
	s := r.slot
	r.read += uint64(n)
	atomic.StoreUint64(long(&s.output_read), r.read)
	if atomic.LoadUint32(word(&s.output_wanted)) != 0 {
		r.outputChanged()
	}
}

func (r *Request) outputChanged() {
	s := r.slot
	atomic.StoreUint32(word(&s.output_wanted), 0)
	futexRaise(word(&s.output_futex))
}

// ClientGone tells the application that nobody reads its response: write()
// raises OSError, iteration ends.
func (r *Request) ClientGone() {
	atomic.StoreUint32(word(&r.slot.output_gone), 1)
	r.outputChanged()
}
