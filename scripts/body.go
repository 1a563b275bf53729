package scripts

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"gild/cpython"
	"gild/server"
)

// A body brings a request body into its slot. One that fits the window was read before there was a slot, so that a slow
// client costs neither that nor a Python thread (smallbody.go). A larger one, or one the client holds back until it is asked
// for it (100-continue), is brought by a goroutine of its own while the application reads.
type body struct {
	x       *server.Exchange
	waits   bool          // for the application's first read
	later   bool          // it is brought after the call: start
	running chan struct{} // closed when the goroutine has ended; nil: there is none

	mu   sync.Mutex       // held while the goroutine uses the slot
	slot *cpython.Request // nil: the application is through with it
}

// chunkedPatience is how long a body of unknown length is waited for before the application is called. A client that
// sends a little and then wants to see a response, as a long poll does, is not held up for longer.
const chunkedPatience = 50 * time.Millisecond

// discardBytes is how much of a body that the application did not want is read for the sake of the connection.
const discardBytes = 256 << 10

// openBody sees to the body of a request that has got its slot, and returns the length of the body if it is known before the
// call, or -1.
func (e *Engine) openBody(slot *cpython.Request, x *server.Exchange, small *smallBody) (*body, int64) {
	b := &body{slot: slot, x: x}
	length := x.Request.ContentLength
	slot.SetBodyLength(length)
	switch {
	case length == 0:
		slot.EndInput(cpython.Complete)
		return b, 0
	case small != nil:
		small.pour(slot)
		return b, length
	}
	expected(x)
	b.waits = holdsBack(x.Request) && x.Request.ProtoMajor < 3
	if length < 0 && !b.waits {
		return b, b.readChunked()
	}
	b.later = true
	return b, length
}

// holdsBack reports whether the client waits for "100 Continue" before it sends the body. On a connection of HTTP/1 net/http
// says it when the body is first read, so it is not read before the application wants it. On a stream of HTTP/2 net/http says
// it, too, but has removed the field; on one of HTTP/3 it is said by expected.
func holdsBack(r *http.Request) bool { return r.Header["Expect"] != nil && r.ContentLength != 0 }

// expected says "100 Continue" on a stream of HTTP/3, and at once, since only the handler's goroutine may write.
func expected(x *server.Exchange) {
	if holdsBack(x.Request) && x.Request.ProtoMajor > 2 {
		x.WriteHeader(http.StatusContinue)
	}
}

// endOf says how an error of a request body looks to the application.
func endOf(err error) cpython.End {
	var tooLarge *http.MaxBytesError
	switch {
	case err == io.EOF:
		return cpython.Complete
	case errors.As(err, &tooLarge):
		return cpython.TooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return cpython.TimedOut
	}
	return cpython.Torn
}

// readChunked gives a body of unknown length the chance to be whole before the call, and returns its length, or -1 when
// it takes longer. The goroutine that reads goes on then.
func (b *body) readChunked() int64 {
	full := make(chan struct{})
	b.begin(full)
	timer := time.NewTimer(chunkedPatience)
	defer timer.Stop()
	select {
	case <-b.running:
	case <-full:
	case <-timer.C:
	}
	length, ok := b.slot.InputLength()
	if !ok {
		return -1
	}
	b.slot.SetBodyLength(length)
	return length
}

// start begins to bring the body, if that was put off until the call.
func (b *body) start() {
	if b.later {
		b.begin(nil)
	}
}

func (b *body) begin(full chan struct{}) {
	_ = b.x.FullDuplex() // an application may answer while it reads
	done := make(chan struct{})
	b.running = done
	go func() {
		defer close(done)
		b.bring(full)
	}()
}

// bring reads the body and passes it on, until it ends or is not wanted any more. full is closed when the window is full
// for the first time.
func (b *body) bring(full chan struct{}) {
	if b.waits && !b.wanted() {
		return
	}
	buffer := make([]byte, 32<<10)
	for discarded := 0; discarded < discardBytes; {
		n, err := b.x.Request.Body.Read(buffer)
		if !b.deliver(buffer[:n], err, full) {
			discarded += n
		}
		if err != nil {
			return
		}
	}
}

// wanted waits for the application's first read, which is what sends "100 Continue".
func (b *body) wanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slot != nil && b.slot.WaitInput(true)
}

// deliver puts a piece of the body, and its end, into the window. It returns false when the application is through.
func (b *body) deliver(piece []byte, err error, full chan struct{}) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.slot != nil && len(piece) > 0 {
		space := b.slot.Input()
		if len(space) == 0 {
			if !b.waitForRoom(full) {
				return false
			}
			continue
		}
		n := copy(space, piece)
		b.slot.CommitInput(n)
		piece = piece[n:]
	}
	if b.slot != nil && err != nil {
		b.slot.EndInput(endOf(err))
	}
	return b.slot != nil
}

func (b *body) waitForRoom(full chan struct{}) bool {
	if full != nil {
		select {
		case <-full:
		default:
			close(full)
		}
	}
	return b.slot.WaitInput(false)
}

// release takes the slot away from the goroutine. Call it when Python is through with the request.
func (b *body) release() {
	b.mu.Lock()
	b.slot = nil
	b.mu.Unlock()
}

// finish reads what is left of the body, within bounds, so that the connection can be kept; the response goes out before.
// It comes after release, and after it nobody reads. A stream of HTTP/2 or HTTP/3 ends with its response: what the client
// has not sent by then it need not send (RFC 9113 section 8.1, RFC 9114 section 4.1).
func (b *body) finish() {
	if b.running == nil {
		return
	}
	if b.x.Request.ProtoMajor > 1 {
		b.x.StopBody()
	} else {
		_ = b.x.FlushError() // a client that is gone is found out by whoever writes next
	}
	<-b.running
	// net/http must not come upon the end of the body after the handler has returned: it would begin to watch the
	// connection while it reads the next request from it (golang.org/issue/68560).
	_ = b.x.Request.Body.Close()
}

// abort breaks off reading: the connection is lost anyway.
func (b *body) abort() {
	if b.running == nil {
		return
	}
	b.x.StopBody()
	<-b.running
}
