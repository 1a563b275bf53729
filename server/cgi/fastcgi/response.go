package fastcgi

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/pkg/errors"
)

// A Request is what the application gets.
type Request struct {
	Environ    []string          // the variables of the request, each NAME=value
	Body       io.Reader         // nil: there is none. It is read by another goroutine, until its end or until Close of the response
	Idempotent bool              // it may be sent a second time when an idle connection turns out to be dead
	Stderr     func(text []byte) // gets pieces of what the application writes to its error stream, during calls of Read and Close
}

// A Response is the output of the application, as it comes. It belongs to one goroutine.
type Response struct {
	conn    *conn
	pool    *Pool
	ctx     context.Context
	stop    func() bool
	stderr  func([]byte)
	sending chan struct{} // closed when the body is sent, or given up; nil: there was none
	broken  error         // why the body could not be read; look at it only after sending is closed

	content int // bytes left of the record of stdout
	padding int
	ended   bool // the application has said so
	err     error
}

// Statuses of the protocol, section 5.5.
var refusals = map[byte]string{
	1: ", no room for another request on this connection (FCGI_CANT_MPX_CONN)",
	2: ", it is overloaded (FCGI_OVERLOADED)",
	3: ", it is no responder (FCGI_UNKNOWN_ROLE)",
}

// begin sends a request and waits for the first record of its response.
func begin(ctx context.Context, p *Pool, c *conn, r *Request) (*Response, error) {
	out := &Response{conn: c, pool: p, ctx: ctx, stop: c.closeWith(ctx), stderr: r.Stderr}
	if out.stderr == nil {
		out.stderr = func([]byte) {}
	}
	if err := c.send(r); err != nil {
		out.fail(err)
		return nil, out.drop()
	}
	if r.Body != nil {
		out.sending = make(chan struct{})
		go func() {
			defer close(out.sending)
			if out.broken = c.sendBody(r.Body); out.broken != nil {
				_ = c.Close()
			}
		}()
	}
	if out.next(); out.err != nil && out.err != io.EOF {
		return nil, out.drop()
	}
	return out, nil
}

// drop closes the connection of a response that there is not, and returns why.
func (o *Response) drop() error {
	err := o.err
	o.finish(false)
	return err
}

// Read implements io.Reader for the standard output of the application. After io.EOF all of it was there. Other errors: that of ctx,
// os.ErrDeadlineExceeded when nothing came for the timeout of the pool, io.ErrUnexpectedEOF when the application closed the connection.
func (o *Response) Read(p []byte) (int, error) {
	for o.err == nil && o.content == 0 {
		o.next()
	}
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.conn.r.Read(p[:min(len(p), o.content)])
	o.content -= n
	if err != nil {
		o.fail(err)
		return n, o.err
	}
	o.settle()
	return n, nil
}

// settle deals with what has come together with output and is none: messages, the end.
func (o *Response) settle() {
	for o.err == nil && o.content == 0 && o.Buffered() >= headerSize {
		b, _ := o.conn.r.Peek(o.padding + headerSize) // they are there
		h, err := readHeader(bytes.NewReader(b[o.padding:]))
		if err != nil || h.kind == stdout || o.Buffered() < headerSize+h.content+h.padding {
			return
		}
		_, _ = o.conn.r.Discard(len(b))
		o.take(h)
	}
}

// Buffered is how many bytes are here already that Read has not looked at; the end counts as one.
func (o *Response) Buffered() int {
	n := o.conn.r.Buffered()
	switch {
	case o.err != nil:
		return n + 1
	case o.content == 0:
		n -= o.padding
	}
	return max(0, n)
}

// next reads records until there is one of output, or the end.
func (o *Response) next() {
	for o.err == nil && o.content == 0 {
		if _, err := o.conn.r.Discard(o.padding); err != nil {
			o.fail(err)
			return
		}
		h, err := readHeader(o.conn.r)
		if err != nil {
			o.fail(err)
			return
		}
		o.take(h)
	}
}

// take deals with a record. Those that are not for the request are skipped, as section 3.3 wants it for unknown types.
func (o *Response) take(h header) {
	o.padding = h.padding
	var err error
	switch {
	case h.kind == stdout && h.id == requestID:
		o.content = h.content
	case h.kind == stderr && h.id == requestID:
		err = o.takeStderr(h.content)
	case h.kind == endRequest && h.id == requestID:
		err = o.takeEnd(h)
	default:
		_, err = o.conn.r.Discard(h.content)
	}
	if err != nil {
		o.fail(err)
	}
}

func (o *Response) takeStderr(length int) error {
	text := make([]byte, length)
	if _, err := io.ReadFull(o.conn.r, text); err != nil {
		return err
	}
	if length > 0 {
		o.stderr(text)
	}
	return nil
}

// takeEnd reads the end of the request, section 5.5. The status of the application is its own affair: PHP's is 255 after an error
// that its output has told already.
func (o *Response) takeEnd(h header) error {
	var end struct {
		AppStatus uint32
		Protocol  byte
		_         [3]byte
	}
	if h.content < binary.Size(end) {
		return fmt.Errorf("a record that ends the request has %d bytes, which is too short", h.content)
	}
	if err := binary.Read(o.conn.r, binary.BigEndian, &end); err != nil {
		return err
	}
	if _, err := o.conn.r.Discard(h.content - binary.Size(end) + h.padding); err != nil {
		return err
	}
	o.padding, o.ended = 0, true
	if end.Protocol != 0 {
		return fmt.Errorf("the application has refused the request with the status %d%s", end.Protocol, refusals[end.Protocol])
	}
	o.err = io.EOF
	return nil
}

// fail notes the first error, in the place of what it caused on the connection.
func (o *Response) fail(err error) {
	if o.err != nil {
		return
	}
	switch {
	case err == io.EOF, err == io.ErrUnexpectedEOF, errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		err = fmt.Errorf("it has closed the connection: %w", io.ErrUnexpectedEOF)
	case isTimeout(err):
		err = fmt.Errorf("it neither sent nor took anything for %v (--socket-timeout): %w", o.conn.timeout, os.ErrDeadlineExceeded)
	}
	if cause := context.Cause(o.ctx); cause != nil {
		err = cause
	}
	o.err = err
}

// Close ends the request. The connection is kept for another one if the response was read to its end and the body has been sent.
// The body must not keep its Read waiting any more.
func (o *Response) Close() error {
	if o.conn != nil {
		o.finish(o.err == io.EOF && o.ended)
	}
	return nil
}

// finish gives the connection back, once.
func (o *Response) finish(good bool) {
	c := o.conn
	good = good && o.isSent() && o.stop()
	late := isTimeout(o.err) && o.isSent() && o.stop()
	if !good && !late {
		_ = c.Close()
	}
	if o.sending != nil {
		<-o.sending
		if o.broken != nil && o.err != io.EOF {
			o.err = o.broken
		}
	}
	o.stop()
	o.conn = nil
	if late {
		go o.pool.abandon(c)
		return
	}
	o.pool.release(c, good)
}

// isSent reports whether the application has been given the whole body.
func (o *Response) isSent() bool {
	if o.sending == nil {
		return true
	}
	select {
	case <-o.sending:
		return o.broken == nil
	default:
		return false
	}
}
