package cpython

// #include "arena.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
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

// ---- the call ---------------------------------------------------------------------

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

// permit waits until the request may be queued.
func (r *Request) permit(ctx context.Context) error {
	p := r.pool
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

// End returns how the response ended: Open, Complete or Torn. It is final once
// Done has returned true.
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

// ---- response -----------------------------------------------------------------------

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
