package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// A body is the request body as the handler reads it. It remembers how reading failed, because that decides what the
// client is told and whether the connection can be kept. It may be read by another goroutine than the one that writes.
type body struct {
	io.ReadCloser // net/http's, limited

	blame   atomic.Int32 // status that tells the client what was wrong; 0: nothing so far, or ourselves
	touched atomic.Bool  // there was a Read, so a client that waits for 100 Continue got it
	read    atomic.Int64 // bytes
}

// takeBody gives x a request of its own with a body of its own. net/http looks into its request when the response
// begins, to see whether 100 Continue was sent and what is left to read, and must find its own body there.
func (x *Exchange) takeBody(r *http.Request) {
	x.request = *r
	x.Request = &x.request
	x.body.ReadCloser = r.Body
	if limit := x.server.limits.Body; limit > 0 && r.ContentLength < 0 && r.Method != http.MethodConnect {
		x.body.ReadCloser = http.MaxBytesReader(x.w, r.Body, limit)
	}
	x.request.Body = &x.body
}

// Read fails with *http.MaxBytesError beyond the limit, with os.ErrDeadlineExceeded when the client is too slow, and with
// io.ErrUnexpectedEOF when it sent less than it declared (use errors.As and errors.Is). The texts name no addresses.
func (b *body) Read(p []byte) (int, error) {
	b.touched.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	if err == nil || err == io.EOF {
		return n, err
	}
	b.blame.CompareAndSwap(0, int32(blameFor(err)))
	return n, plainly(err)
}

// ourselves is in the place of the client to blame when it is the server that stops reading.
const ourselves = -1

// StopBody makes reads of the request body fail, also one that waits for the client in another goroutine. A connection of
// HTTP/1 ends with the response, since what follows on it could not be told from the body. For the goroutine of the handler.
func (x *Exchange) StopBody() {
	x.closing = true
	x.body.blame.CompareAndSwap(0, ourselves)
	x.carrier.stopBody()
}

// plainly is err in words for the log of an application.
func plainly(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the client stopped sending the request body: %w", os.ErrDeadlineExceeded)
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("the client sent less of the request body than it declared: %w", err)
	case errors.As(err, &op):
		return fmt.Errorf("the client has left: %w", op.Err)
	}
	return err
}

// blameFor is the status for a failed read of a body.
func blameFor(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// status is the status to blame the client with, 0 if it has done nothing wrong.
func (b *body) status() int { return max(0, int(b.blame.Load())) }

// failed reports whether what follows on the connection can no longer be told from the body.
func (b *body) failed() bool { return b.blame.Load() != 0 }

// abandoned reports whether the connection ends with this response because of its body: reading failed, or a client that
// waits for 100 Continue got none and may or may not send what it announced.
func (b *body) abandoned(r *http.Request) bool {
	return b.failed() || r.Header["Expect"] != nil && !b.touched.Load()
}
