package server

import (
	"net/http"
	"time"
)

// How a connection ends. Closing a socket with unread data resets the connection, and the client may lose the answer it
// has not read yet. So the end of the stream is sent first, and what the client still says is read for a moment, unless
// it is known to say nothing (RFC 9112 section 9.6).

const (
	lingerTime  = 500 * time.Millisecond // how long a client may go on talking
	lingerBytes = 256 << 10              // and how much
)

// ConnectionEnd may be implemented by what a handler keeps in [Exchange.Note]. The method is called once, in whatever way
// the connection ends: when the last response is out, the last handler has returned and no other will be called. It runs
// in the goroutine of the connection, or in that of whoever closes one that was hijacked, and must not block.
type ConnectionEnd interface {
	ConnectionEnd()
}

// Close is called by net/http in the goroutine of the connection; a second call does nothing. Mostly net/http is through
// with the connection then, but when a write has failed the handler may still be running.
func (c *conn) Close() error {
	if http.ConnState(c.state.Load()) == http.StateHijacked {
		return c.closeHijacked()
	}
	if c.closed.Swap(true) {
		return nil
	}
	if !c.gone() {
		c.over()
		c.linger()
	}
	return c.Conn.Close()
}

// over ends the exchange and tells the note. What a seat or a line in the log waits for does not wait for the lingering.
func (c *conn) over() {
	c.finish(false)
	c.tell()
}

// tell tells the note that the connection has ended, once.
func (c *conn) tell() {
	if end, ok := c.note.(ConnectionEnd); ok {
		c.note = nil
		end.ConnectionEnd()
	}
}

// closeHijacked is what StateClosed does for other connections: net/http has no further news of this one.
func (c *conn) closeHijacked() error {
	err := c.Conn.Close()
	c.tell()
	c.server.gate.leave(c)
	return err
}

// abort closes the connection as it stands. It may be called by any goroutine.
func (c *conn) abort() {
	c.closed.Store(true)
	_ = c.Conn.Close() // there is nobody to tell; it may have been closed already
}

// reset makes the coming Close send a reset instead of an end: the only way to show that a response that is delimited by
// the end of the connection is incomplete. Bytes not yet acknowledged may be lost with it.
func (c *conn) reset() {
	c.quiet = true
	if t, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = t.SetLinger(0)
	}
}

// CloseWrite sends the end of the stream; net/http calls it before it closes on a client that may still be writing.
func (c *conn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// linger sends the end of the stream and reads until the client has done the same, or the moment is over.
func (c *conn) linger() {
	if c.quiet || c.ended.Load() {
		return
	}
	if c.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	buf := make([]byte, 4096)
	for total := 0; total < lingerBytes; {
		n, err := c.Conn.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}
