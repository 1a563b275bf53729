package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn stands between net/http and the socket of one HTTP/1 connection. Its methods are called by net/http, in the
// connection's goroutine if nothing else is said.
type conn struct {
	net.Conn
	server *Server
	info   *Info

	state  atomic.Uint32 // the http.ConnState; also read by other goroutines
	broken atomic.Bool   // a write has failed
	ended  atomic.Bool   // a read found the end of the stream, or the connection broken
	closed atomic.Bool
	halted atomic.Bool // bodies are not read any more, see Exchange.StopBody

	read, write deadline
	head        head
	buffer      int       // size of net/http's read buffer, learnt from its first read
	deadlines   int       // calls of SetReadDeadline since the last request
	began       time.Time // first byte of a head that did not come in one piece; zero if it did
	until       time.Time // the connection ends with this response: unread body is waited for until then. Zero: it does not
	answering   bool      // what is written belongs to an Exchange, not to net/http's own complaint
	refused     bool      // a request was refused without an Exchange
	quiet       bool      // the client has said all it wants to: no need to linger
	reason      string    // put into the next status line

	exchange *Exchange // the current one, until its last byte is written
	requests int       // served before it
	note     any       // what the handler keeps, see Exchange.Note
	in, out  int64     // bytes since the last request
}

// newConn wraps an accepted connection and counts it.
func (s *Server) newConn(nc net.Conn, info *Info) *conn {
	c := &conn{Conn: nc, server: s, info: info}
	c.read.arm, c.write.arm = nc.SetReadDeadline, nc.SetWriteDeadline
	s.gate.enter(c)
	if s.stage.Load() == aborted { // looked at after entering: wait does it in the other order
		c.abort()
	}
	return c
}

// setState is net/http's report on a connection. StateActive comes when a head has been read (well or not), StateIdle
// and StateClosed when the last byte of a response has been written: only then is an Exchange over.
func (c *conn) setState(state http.ConnState) {
	c.state.Store(uint32(state))
	switch state {
	case http.StateIdle:
		c.finish(true)
		c.head, c.began, c.deadlines, c.answering = head{}, time.Time{}, 0, false
	case http.StateClosed:
		c.over()
		c.server.gate.leave(c) // not before: Shutdown waits for the last line of the log, too
	}
}

// reading reports whether the connection is between two requests or inside the head of one.
func (c *conn) reading() bool {
	state := http.ConnState(c.state.Load())
	return state == http.StateNew || state == http.StateIdle
}

// gone reports that the other side cannot be written to any more.
func (c *conn) gone() bool { return c.broken.Load() }

// SetReadDeadline sets nothing: Read has its own opinion. But between two requests net/http calls it twice, before it waits
// for the first bytes of a head and after it. If it has not read in between, they came together with the last request.
func (c *conn) SetReadDeadline(time.Time) error {
	if http.ConnState(c.state.Load()) == http.StateIdle {
		if c.deadlines++; c.deadlines == 2 && !c.head.started {
			c.head.start(false)
			c.read.want = time.Now().Add(c.server.timeouts.Header)
		}
	}
	return nil
}

// SetWriteDeadline does nothing: every Write has the deadline of Timeouts.Write.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// Read waits for the next request, for the rest of its head, or for some more of its body, each with its own timeout.
//
// While a handler runs, net/http reads one byte in a goroutine of its own to see the client leave. That costs a switch of
// goroutines per request and the WSGI interface cannot use it, so this read ends at once: "nothing there", no error.
func (c *conn) Read(p []byte) (int, error) {
	if c.reading() {
		return c.readHead(p)
	}
	if len(p) == 1 {
		return 0, nil
	}
	if c.read.want = c.until; c.until.IsZero() {
		c.read.want = time.Now().Add(c.server.timeouts.Body)
	}
	return c.readOnce(p)
}

// readHead reads and watches what should be the head of a request.
func (c *conn) readHead(p []byte) (int, error) {
	if !c.head.started {
		c.startHead(len(p))
	}
	n, err := c.readOnce(p)
	if c.head.synced && c.head.size == 0 {
		n = trimEmptyLine(p[:n])
	}
	c.head.scan(p[:n])
	if n > 0 && !c.head.done && c.began.IsZero() {
		c.began = time.Now()
		c.read.want = c.began.Add(c.server.timeouts.Header)
	}
	if os.IsTimeout(err) && c.head.size > 0 {
		c.refuse(http.StatusRequestTimeout, "the head did not come within the header timeout")
	}
	return n, err
}

// trimEmptyLine removes an empty line that some clients send before a request line (RFC 9112 section 2.2) and returns how
// many bytes are left.
func trimEmptyLine(p []byte) int {
	if !bytes.HasPrefix(p, []byte("\r\n")) {
		return len(p)
	}
	return copy(p, p[2:])
}

// startHead prepares the first read for a head, into size bytes of net/http's buffer. Less than the whole buffer means that
// a few bytes of this head came together with the last request.
func (c *conn) startHead(size int) {
	wait := c.server.timeouts.KeepAlive
	if c.buffer == 0 {
		c.buffer = size
		wait = c.server.timeouts.Header
	}
	c.head.start(size == c.buffer)
	c.read.want = time.Now().Add(wait)
}

// readOnce is one read with the deadline in c.read.
func (c *conn) readOnce(p []byte) (int, error) {
	c.read.prepare()
	if c.leaving() { // looked at after the timer was set: Shutdown does it in the other order
		c.hurry()
	}
	for {
		if c.halted.Load() { // looked at after the timer was set: StopBody sets both in the other order
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.Conn.Read(p)
		c.in += int64(n)
		if err == nil || c.leaving() || !c.read.early(err) {
			return n, c.noteRead(err)
		}
	}
}

func (c *conn) noteRead(err error) error {
	if err != nil && !os.IsTimeout(err) {
		c.ended.Store(true)
	}
	return err
}

// leaving reports that the server shuts down and this connection has nothing to finish: any timer ends its wait.
func (c *conn) leaving() bool { return c.server.stage.Load() >= closing && c.reading() }

// Write writes the response, or what net/http has to say about a bad request, which is put into our words. The client has
// Timeouts.Write to take some of p; as long as it takes some it gets more time.
func (c *conn) Write(p []byte) (int, error) {
	if !c.answering {
		return len(p), c.refuseFor(p)
	}
	if c.reason != "" {
		return len(p), c.writeAll(c.withReason(p))
	}
	return c.send(p)
}

func (c *conn) writeAll(p []byte) error {
	_, err := c.send(p)
	return err
}

// send is Write without its exceptions.
func (c *conn) send(p []byte) (n int, err error) {
	c.extendWrite()
	for {
		m, err := c.Conn.Write(p[n:])
		n += m
		c.out += int64(m)
		if err == nil || !c.again(int64(m), err) {
			return n, c.noteWrite(err)
		}
	}
}

// extendWrite gives the client its time, counted from now.
func (c *conn) extendWrite() {
	c.write.want = time.Now().Add(c.server.timeouts.Write)
	c.write.prepare()
}

// again reports whether a write that ended in err after n bytes is to go on: the timer was early, or the client has taken
// something since it was armed.
func (c *conn) again(n int64, err error) bool {
	if n > 0 {
		c.write.want = time.Now().Add(c.server.timeouts.Write)
	}
	return c.write.early(err)
}

func (c *conn) noteWrite(err error) error {
	if err != nil {
		c.broken.Store(true)
	}
	return err
}

// ReadFrom sends a file with sendfile(2), which the socket's own ReadFrom knows how to, and anything else through Write.
// net/http calls it when no chunks are needed.
func (c *conn) ReadFrom(src io.Reader) (n int64, err error) {
	rf, ok := c.Conn.(io.ReaderFrom)
	if !ok || !isFile(src) {
		return io.Copy(writerOnly{c}, src)
	}
	c.extendWrite()
	for {
		m, err := rf.ReadFrom(src)
		n += m
		c.out += m
		if err == nil || !c.again(m, err) {
			return n, c.noteWrite(err)
		}
	}
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// A file is an *os.File, or what os.File.WriteTo wraps around one when it is the source of io.Copy.
type file interface {
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// isFile reports whether src is a regular file or a limited part of one: what sendfile(2) can read, and what does not lose
// bytes when a write is interrupted and begun again.
func isFile(src io.Reader) bool {
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	f, ok := src.(file)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// withReason replaces the reason phrase of the status line at the start of p, which net/http always makes its own.
func (c *conn) withReason(p []byte) []byte {
	const before = len("HTTP/1.1 200 ")
	end := bytes.IndexByte(p, '\r')
	if end < before {
		return p
	}
	q := make([]byte, 0, len(p)+len(c.reason))
	q = append(append(append(q, p[:before]...), c.reason...), p[end:]...)
	c.reason = ""
	return q
}
