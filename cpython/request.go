package cpython

// #include "arena.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
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
	news   chan struct{} // capacity 1: Python has changed the slot
	inputs chan struct{} // capacity 1: the same for the goroutine that brings the body

	environ  []byte // the block, in the slot
	length   int
	overflow bool
	head     Head // reused
}

func (r *Request) init(p *Pool, number int) {
	r.pool, r.number, r.slot = p, number, p.arena.slot(number)
	r.news = make(chan struct{}, 1)
	r.inputs = make(chan struct{}, 1)
	r.environ = window(r.slot, C.GILD_SLOT_HEAD, MaxEnviron)
}

// begin makes a free slot a new request.
func (r *Request) begin() {
	s := r.slot
	// A thread of the application may still be about to wait for something of
	// the last request: the futexes must not return to a value they had.
	*s = C.gild_slot{serial: s.serial, file: -1, input_futex: s.input_futex, output_futex: s.output_futex}
	atomic.StoreUint32(word(&s.state), C.GILD_SLOT_FILLING)
	r.length, r.overflow = 0, false
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
// poller.
func (r *Request) wakeUp() {
	select {
	case r.news <- struct{}{}:
	default:
	}
	if atomic.LoadUint32(word(&r.slot.input_end)) == C.GILD_OPEN {
		select {
		case r.inputs <- struct{}{}:
		default:
		}
	}
}

// ---- environ -----------------------------------------------------------------

// Add adds a key to the environ; the application sees the bytes of the value
// decoded as Latin-1 (PEP 3333).
func (r *Request) Add(key, value string) { r.add(0, key, value) }

// AddPath adds a key whose value is a name of the file system, decoded as
// os.fsdecode does.
func (r *Request) AddPath(key, value string) { r.add(1, key, value) }

// Block is a piece of environ that is the same for many requests, encoded once.
// The zero value is empty. It may be used by many goroutines once it is built.
type Block struct{ bytes []byte }

// Add adds a key, as Request.Add does. A key of more than 65535 bytes is left out.
func (b *Block) Add(key, value string) {
	if len(key) <= 0xffff {
		b.bytes = append(appendEntry(b.bytes, 0, key, len(value)), value...)
	}
}

// AddBlock adds all keys of a block.
func (r *Request) AddBlock(b *Block) {
	if r.overflow || len(r.environ)-r.length < len(b.bytes) {
		r.overflow = true
		return
	}
	r.length += copy(r.environ[r.length:], b.bytes)
}

// AddJoined adds a key whose value is the values with the separator between.
func (r *Request) AddJoined(key string, values []string, separator string) {
	size := len(separator) * (len(values) - 1)
	for _, v := range values {
		size += len(v)
	}
	at, ok := r.entry(0, key, size)
	if !ok {
		return
	}
	for i, v := range values {
		if i > 0 {
			at += copy(r.environ[at:], separator)
		}
		at += copy(r.environ[at:], v)
	}
	r.length = at
}

func (r *Request) add(decoding byte, key, value string) {
	if at, ok := r.entry(decoding, key, len(value)); ok {
		r.length = at + copy(r.environ[at:], value)
	}
}

// entryHead is the length of an entry without key and value; environ.c has the
// layout.
const entryHead = 8

// entry writes the head and the key of an entry and returns where its value
// goes.
func (r *Request) entry(decoding byte, key string, size int) (int, bool) {
	at := r.length
	if r.overflow || len(key) > 0xffff || len(r.environ)-at < entryHead+len(key)+size {
		r.overflow = true
		return 0, false
	}
	appendEntry(r.environ[at:at], decoding, key, size)
	return at + entryHead + len(key), true
}

func appendEntry(to []byte, decoding byte, key string, size int) []byte {
	to = append(to, decoding, 0, byte(len(key)), byte(len(key)>>8),
		byte(size), byte(size>>8), byte(size>>16), byte(size>>24))
	return append(to, key...)
}

// SetClient names the client in the records of the error log, as
// "address:port". What does not fit is cut off.
func (r *Request) SetClient(client string) {
	to := unsafe.Slice((*byte)(unsafe.Pointer(&r.slot.client[0])), len(r.slot.client))
	to[copy(to[:len(to)-1], client)] = 0
}

// ---- request body ---------------------------------------------------------------

// SetBodyLength declares the length of the body in bytes; -1 is unknown. The
// default is 0.
func (r *Request) SetBodyLength(n int64) { r.slot.body_length = C.int64_t(n) }

// Input returns the free part of the input window that can be written next; it
// is empty when the window is full. What is written there counts after
// CommitInput. These methods are for one goroutine at a time, not necessarily
// the one that waits for the response.
func (r *Request) Input() []byte {
	written := uint64(r.slot.input_written)
	used := written - atomic.LoadUint64(long(&r.slot.input_read))
	at := int(written % InputSize)
	w := window(r.slot, C.GILD_INPUT_OFFSET, InputSize)
	return w[at:min(InputSize, at+int(InputSize-min(used, InputSize)))]
}

// CommitInput makes n bytes of Input visible to the application.
func (r *Request) CommitInput(n int) {
	atomic.AddUint64(long(&r.slot.input_written), uint64(n))
	r.inputChanged()
}

// EndInput says how the body ended. Nothing may be written after that.
func (r *Request) EndInput(end End) {
	atomic.StoreUint32(word(&r.slot.input_end), uint32(end))
	r.inputChanged()
}

func (r *Request) inputChanged() {
	if atomic.LoadUint32(word(&r.slot.state)) < C.GILD_SLOT_QUEUED {
		return // nobody waits yet
	}
	futexRaise(word(&r.slot.input_futex))
}

// InputLength returns how long the body is, and false before all of it is there.
func (r *Request) InputLength() (int64, bool) {
	if End(atomic.LoadUint32(word(&r.slot.input_end))) != Complete {
		return 0, false
	}
	return int64(atomic.LoadUint64(long(&r.slot.input_written))), true
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

// ---- the call ---------------------------------------------------------------------

// Flags of Submit.
const (
	NoBody = C.GILD_NO_BODY // the method is HEAD
	HTTPS  = C.GILD_HTTPS   // wsgi.url_scheme is https
)

// Submit queues the request for an application. started is when its first byte
// came. After an error the request is over: Done returns true, release it.
func (r *Request) Submit(application int, flags uint32, started time.Time) error {
	if r.overflow {
		atomic.StoreUint32(word(&r.slot.state), C.GILD_SLOT_DONE)
		r.wakeUp()
		return ErrEnvironTooLarge
	}
	p, s := r.pool, r.slot
	lane := p.lanes[application]
	now := p.clock.now()
	s.lane, s.application, s.flags = C.uint32_t(lane), C.uint32_t(application), C.uint32_t(flags)
	s.environ_length = C.uint32_t(r.length)
	s.started, s.queued = C.int64_t(started.UnixNano()), C.int64_t(now)
	atomic.StoreUint32(word(&s.state), C.GILD_SLOT_QUEUED)
	p.push[lane].Lock()
	p.arena.push(lane, r.number)
	p.push[lane].Unlock()
	p.gather(lane)
	p.arena.wake(lane, now)
	return nil
}

// gatherings is how often gather may wait.
const gatherings = 2

// gather lets the goroutines that are ready to submit as well do so before a
// thread is woken, which costs more than a short request: one wake-up will do
// for all. It goes on only as long as that brings something.
func (p *Pool) gather(lane int) {
	for i := 0; i < gatherings && !p.arena.isDrained(lane); i++ {
		before := p.arena.pushed(lane)
		runtime.Gosched()
		if p.arena.pushed(lane) == before {
			return
		}
	}
}

// Wait waits until Python has changed something in the slot.
func (r *Request) Wait() { <-r.news }

// Done reports whether Python is through with the request. What it wrote can
// still be read. Any goroutine may call it until Release.
func (r *Request) Done() bool {
	return atomic.LoadUint32(word(&r.slot.state)) == C.GILD_SLOT_DONE
}

// End returns how the response ended: Open, Complete or Torn. It is final once
// Done has returned true.
func (r *Request) End() End { return End(atomic.LoadUint32(word(&r.slot.output_end))) }

// Release gives the slot back. Only before Submit or after Done; a file that
// was not taken is closed.
func (r *Request) Release() {
	if fd := r.slot.file; fd >= 0 {
		os.NewFile(uintptr(fd), "response").Close()
		r.slot.file = -1
	}
	atomic.AddUint32(word(&r.slot.serial), 1)
	atomic.StoreUint32(word(&r.slot.state), C.GILD_SLOT_FREE)
	r.pool.putBack(r)
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

// ---- response -----------------------------------------------------------------------

// Output returns what of the response body can be read now, as far as it is in
// one piece. Advance says how much of it was used; the memory is Python's again
// after that.
func (r *Request) Output() ([]byte, error) {
	s := r.slot
	read := uint64(s.output_read)
	unread := atomic.LoadUint64(long(&s.output_written)) - read
	if unread > OutputSize {
		return nil, fmt.Errorf("cpython: the arena is corrupt: slot %d has %d unread bytes in a window of %d", r.number, unread, OutputSize)
	}
	at := int(read % OutputSize)
	return window(s, C.GILD_OUTPUT_OFFSET, OutputSize)[at:min(OutputSize, at+int(unread))], nil
}

// BodyLength returns how many bytes of body are left to be sent, a file
// included, and false before that is known. For HEAD it is what the application
// produced, although nothing of it is to be sent.
func (r *Request) BodyLength() (int64, bool) {
	if !r.Done() {
		return 0, false
	}
	s := r.slot
	unread := atomic.LoadUint64(long(&s.output_written)) - uint64(s.output_read)
	length := int64(unread) + max(0, int64(s.discarded))
	if s.file >= 0 {
		length += int64(s.file_length)
	}
	return length, unread <= OutputSize && length >= int64(unread)
}

// Advance gives n bytes of Output back to Python.
func (r *Request) Advance(n int) {
	s := r.slot
	atomic.AddUint64(long(&s.output_read), uint64(n))
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

// File returns the file that follows the body, if there is one: an open file
// at the right offset, and how many bytes of it to send. The caller closes it.
// Only once Done has returned true.
func (r *Request) File() (*os.File, int64, error) {
	s := r.slot
	if s.file < 0 {
		return nil, 0, nil
	}
	f := os.NewFile(uintptr(s.file), "response")
	s.file = -1
	if _, err := f.Seek(int64(s.file_offset), 0); err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("cpython: the file of the response cannot be positioned: %w", err)
	}
	return f, int64(s.file_length), nil
}
