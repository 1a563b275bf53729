package server

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// A conn stands between net/http and one HTTP/1 connection: the socket, or TLS on it. Its methods are called by net/http,
// in the connection's goroutine if nothing else is said.
type conn struct {
	net.Conn // what the requests come on: the socket or a *tls.Conn
	link
	socket *socket
	server *Server

	head      head
	buffer    int       // size of net/http's read buffer, learnt from its first read
	deadlines int       // calls of SetReadDeadline since the last request
	began     time.Time // first byte of a head that did not come in one piece; zero if it did
	since     time.Time // from when the time for the head is counted; zero: from its first byte
	turn      turn      // the rest of a head, or a body, that is being waited for
	until     time.Time // the connection ends with this response: unread body is waited for until then. Zero: it does not
	answering bool      // what is written belongs to an Exchange, not to net/http's own complaint
	refused   bool      // a request was refused without an Exchange
	quiet     bool      // the client has said all it wants to: no need to linger
	torn      bool      // the end of the connection must not look like the end of a response
	reason    string    // put into the next status line

	exchange *Exchange // the current one, until its last byte is written
	requests int       // served before it
	in, out  int64     // bytes of the socket up to the last request
}

// newConn makes a socket a connection of HTTP/1. With TLS the handshake is over.
func (s *Server) newConn(k *socket, t *tls.Conn) *conn {
	c := &conn{Conn: k, socket: k, server: s, link: link{info: k.info, local: k.LocalAddr()}, since: k.opened}
	if t != nil {
		state := t.ConnectionState()
		c.Conn, c.tls, c.since = t, &state, time.Now() // the handshake had its own time
	}
	return c
}

// drop ends a connection that net/http has not taken.
func (c *conn) drop() {
	c.socket.abort()
	c.socket.leave()
}

// setState is net/http's report on a connection. StateActive comes when a head has been read (well or not), StateIdle
// and StateClosed when the last byte of a response has been written: only then is an Exchange over.
func (c *conn) setState(state http.ConnState) {
	c.socket.state.Store(uint32(state))
	switch state {
	case http.StateIdle:
		c.finish(true)
		c.head, c.began, c.since, c.deadlines, c.answering = head{}, time.Time{}, time.Time{}, 0, false
		c.socket.turn = nil
	case http.StateClosed:
		c.over()
		c.socket.leave() // not before: Shutdown waits for the last line of the log, too
	}
}

// gone reports that the other side cannot be written to any more.
func (c *conn) gone() bool { return c.socket.gone() }

// traffic is how many bytes the network has seen since the last request, those of the handshake with the first one.
func (c *conn) traffic() (in, out int64) {
	return c.socket.in.Load() - c.in, c.socket.out.Load() - c.out
}

// SetReadDeadline sets nothing: Read has its own opinion. But between two requests net/http calls it twice, before it waits
// for the first bytes of a head and after it. If it has not read in between, they came together with the last request.
func (c *conn) SetReadDeadline(time.Time) error {
	if c.socket.standing() == http.StateIdle {
		if c.deadlines++; c.deadlines == 2 && !c.head.started {
			c.head.start(false)
			c.since = time.Now()
			c.awaitHead()
		}
	}
	return nil
}

// SetWriteDeadline does nothing: every Write has the deadline of Timeouts.Write.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline does nothing, like the two above.
func (c *conn) SetDeadline(time.Time) error { return nil }

// Read waits for the next request, for the rest of its head, or for some more of its body, each with its own timeout.
//
// While a handler runs, net/http reads one byte in a goroutine of its own to see the client leave. That costs a switch of
// goroutines per request and the WSGI interface cannot use it, so this read ends at once: "nothing there", no error.
func (c *conn) Read(p []byte) (int, error) {
	if c.socket.reading() {
		return c.readHead(p)
	}
	if len(p) == 1 {
		return 0, nil
	}
	if !c.until.IsZero() {
		c.socket.turn, c.socket.read.want = nil, c.until
		return c.Conn.Read(p)
	}
	return c.readBody(p)
}

// readHead reads and watches what should be the head of a request.
func (c *conn) readHead(p []byte) (int, error) {
	if !c.head.started {
		c.startHead(len(p))
	}
	n, err := c.Conn.Read(p)
	if c.head.synced && c.head.size == 0 {
		n = trimEmptyLine(p[:n])
	}
	c.head.scan(p[:n])
	if n > 0 && !c.head.done && c.began.IsZero() {
		c.beginHead()
	}
	if os.IsTimeout(err) && c.head.size > 0 {
		c.refuse(http.StatusRequestTimeout, slowHead)
	}
	return n, err
}

// beginHead notes the first bytes of a head that others must follow.
func (c *conn) beginHead() {
	c.began = time.Now()
	if c.since.IsZero() {
		c.since = c.began
		c.awaitHead()
	}
	c.turn.deliver(c.head.size)
	c.socket.measure(&c.turn)
}

// awaitHead begins to measure a head.
func (c *conn) awaitHead() {
	c.turn = c.server.newTurn(&c.server.timeouts.Header)
	c.turn.resume(c.since)
	c.socket.measure(&c.turn)
}

// readBody reads some of a body, in the time that its client has for it.
func (c *conn) readBody(p []byte) (int, error) {
	if c.turn.pace != &c.server.timeouts.Body {
		c.turn = c.server.newTurn(&c.server.timeouts.Body)
		c.turn.deliver(c.head.beyond)
	}
	c.turn.resume(time.Now())
	c.socket.measure(&c.turn)
	n, err := c.Conn.Read(p)
	c.turn.deliver(n)
	c.turn.pause(time.Now())
	if os.IsTimeout(err) && !c.socket.halted.Load() {
		c.server.logSlowBody(c.RemoteAddr().String())
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
	if c.buffer == 0 {
		c.buffer = size
	}
	c.head.start(size == c.buffer)
	if c.since.IsZero() {
		c.socket.read.want = time.Now().Add(c.server.timeouts.KeepAlive)
	} else {
		c.awaitHead()
	}
}

// Write writes the response, or what net/http has to say about a bad request, which is put into our words.
func (c *conn) Write(p []byte) (int, error) {
	if !c.answering {
		return len(p), c.refuseFor(p)
	}
	if c.reason != "" {
		return len(p), c.writeAll(c.withReason(p))
	}
	return c.Conn.Write(p)
}

func (c *conn) writeAll(p []byte) error {
	_, err := c.Conn.Write(p)
	return err
}

// ReadFrom sends a file with sendfile(2) if nothing has to be encrypted. net/http calls it when no chunks are needed.
func (c *conn) ReadFrom(src io.Reader) (n int64, err error) {
	if c.tls == nil {
		return c.socket.ReadFrom(src)
	}
	return io.Copy(writerOnly{c}, src)
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

// begin, lastUntil and what follows make c the carrier of one request after the other.
func (c *conn) begin(x *Exchange, r *http.Request) {
	if x.Start = c.began; x.Start.IsZero() {
		x.Start = time.Now()
	}
	c.exchange, c.answering = x, true
	c.turn.pace, c.socket.turn = nil, nil // the head is there
	c.quiet = r.Close && r.Body == http.NoBody
}

func (c *conn) lastUntil(t time.Time) { c.until = t }

func (c *conn) finishHead(h http.Header, last bool) {
	if last {
		h["Connection"] = closeField
	}
}

func (c *conn) watched() *head { return &c.head }

func (c *conn) phrase(reason string) { c.reason = reason }

func (c *conn) stopBody() { c.socket.halt() }
