package scripts

import (
	"io"
	"net/http"
	"time"

	"gild/cpython"
	"gild/server"
)

// A body brings a request body into its slot. A body that fits the window is there before Python sees the request, so
// that a slow client costs no Python thread. A larger one, or one the client holds back until it is asked for it
// (100-continue), is brought by a goroutine of its own while the application reads.
type body struct {
	slot    *cpython.Request
	x       *server.Exchange
	waits   bool          // for the application's first read
	later   bool          // it is brought after the call: start
	running chan struct{} // closed by the goroutine that brings it; nil while there is none
}

// chunkedPatience is how long a body of unknown length is waited for before the application is called. A client that
// sends a little and then wants to see a response, as a long poll does, is not held up for longer.
const chunkedPatience = 50 * time.Millisecond

// openBody reads what is to be read before the call, and returns the length of the body if it is known by then, or -1.
// An error is that of the client: nothing was submitted.
func (e *Engine) openBody(slot *cpython.Request, x *server.Exchange) (*body, int64, error) {
	r := x.Request
	b := &body{slot: slot, x: x}
	slot.SetBodyLength(r.ContentLength)
	switch {
	case r.ContentLength == 0:
		slot.EndInput(cpython.Complete)
		return b, 0, nil
	case expectsContinue(r):
		b.waits = true
	case r.ContentLength > 0 && r.ContentLength <= cpython.InputSize:
		return b, r.ContentLength, b.readAll()
	case r.ContentLength < 0:
		return b.readChunked()
	}
	b.later = true
	return b, r.ContentLength, nil
}

func expectsContinue(r *http.Request) bool { return r.Header.Get("Expect") != "" }

// readAll reads a body that fits the window. A body that ends early is the application's to find out, which reads what
// there is and then gets an OSError.
func (b *body) readAll() error {
	for n := int64(0); n < b.x.Request.ContentLength; {
		m, err := b.x.Request.Body.Read(b.slot.Input())
		b.slot.CommitInput(m)
		n += int64(m)
		if err != nil && n < b.x.Request.ContentLength {
			return b.fail(err)
		}
	}
	b.slot.EndInput(cpython.Complete)
	return nil
}

// fail ends the body with what went wrong. The client's fault is its own answer, unless it has gone.
func (b *body) fail(err error) error {
	if end := endOf(err); end != cpython.Torn {
		return err
	}
	b.slot.EndInput(cpython.Torn)
	return nil
}

// endOf says how an error of a request body looks to the application.
func endOf(err error) cpython.End {
	switch kind := err.(type) {
	case nil:
		return cpython.Open
	case *http.MaxBytesError:
		return cpython.TooLarge
	case interface{ Timeout() bool }:
		if kind.Timeout() {
			return cpython.TimedOut
		}
	}
	if err == io.EOF {
		return cpython.Complete
	}
	return cpython.Torn
}

// readChunked gives a body of unknown length the chance to be whole before the call; the length is known then. The
// goroutine that reads goes on if it takes longer.
func (b *body) readChunked() (*body, int64, error) {
	full := make(chan struct{})
	b.begin(func() { b.bring(full) })
	timer := time.NewTimer(chunkedPatience)
	defer timer.Stop()
	select {
	case <-b.running:
	case <-full:
	case <-timer.C:
	}
	if length, ok := b.slot.InputLength(); ok {
		b.slot.SetBodyLength(length)
		return b, length, nil
	}
	return b, -1, nil
}

// start begins to bring the body, if it is not there already.
func (b *body) start() {
	if b.later {
		b.begin(func() { b.bring(nil) })
	}
}

func (b *body) begin(bring func()) {
	_ = b.x.FullDuplex() // an application may answer while it reads
	done := make(chan struct{})
	b.running = done
	go func() {
		defer close(done)
		bring()
	}()
}

// bring fills the window as the application empties it. full is closed when it is full for the first time.
func (b *body) bring(full chan struct{}) {
	if b.waits && !b.slot.WaitInput(true) {
		return
	}
	for {
		space := b.slot.Input()
		if len(space) == 0 {
			if full != nil {
				close(full)
				full = nil
			}
			if !b.slot.WaitInput(false) {
				return
			}
			continue
		}
		n, err := b.x.Request.Body.Read(space)
		b.slot.CommitInput(n)
		if err != nil {
			b.slot.EndInput(endOf(err))
			return
		}
	}
}

// stop waits until nobody reads the body any more. A read that waits for the client is broken off, which costs the
// connection: what comes next on it would be the rest of this body.
func (b *body) stop() {
	if b.running == nil {
		return
	}
	if _, complete := b.slot.InputLength(); complete {
		<-b.running
		return
	}
	_ = http.NewResponseController(b.x).SetReadDeadline(time.Unix(1, 0))
	<-b.running
}
