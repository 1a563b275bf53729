package server

import (
	"net/http"
	"time"
)

// How a connection of HTTP/1 ends. Closing a socket with unread data resets the connection, and the client may lose the
// answer it has not read yet. So the end of the stream is sent first, and what the client still says is read for a moment,
// unless it is known to say nothing (RFC 9112 section 9.6).

const (
	lingerTime  = 500 * time.Millisecond // how long a client may go on talking
	lingerBytes = 256 << 10              // and how much
)

// ConnectionEnd may be implemented by what a handler keeps in [Exchange.Note]. The method is called once, in whatever way
// the connection ends: when the last response is out, the last handler has returned and no other will be called. It runs
// in the goroutine of the connection, or in that of whoever closes one that was hijacked, and must not block. A stream of
// HTTP/2 or HTTP/3 is a connection of one request, which ends when the handler returns.
type ConnectionEnd interface {
	ConnectionEnd()
}

// Close is called by net/http in the goroutine of the connection; a second call does nothing. Mostly net/http is through
// with the connection then, but when a write has failed the handler may still be running.
func (c *conn) Close() error {
	k := c.socket
	if k.standing() == http.StateHijacked {
		return c.closeHijacked()
	}
	if k.closed.Swap(true) {
		return nil
	}
	if !k.gone() {
		c.over()
		c.bye()
		k.linger(c.quiet)
	}
	return k.Conn.Close()
}

// bye is the last word of TLS: the client knows by it that nothing was cut off (RFC 8446 section 6.1). It is not said when
// the end of the connection would make a torn response look whole, and not to a client that has left.
func (c *conn) bye() {
	if c.tls != nil && !c.torn && !c.socket.ended.Load() {
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite() // a client that takes nothing is found out by what follows
	}
}

// over ends the exchange and tells the note. What a seat or a line in the log waits for does not wait for the lingering.
func (c *conn) over() {
	c.finish(false)
	c.tell()
}

// closeHijacked is what StateClosed does for other connections: net/http has no further news of this one.
func (c *conn) closeHijacked() error {
	err := c.Conn.Close()
	c.tell()
	c.socket.leave()
	return err
}

// reset makes the coming Close send a reset instead of an end: the only way to show that a response that is delimited by
// the end of the connection is incomplete. Bytes not yet acknowledged may be lost with it.
func (c *conn) reset() {
	c.quiet, c.torn = true, true
	if t, ok := c.socket.Conn.(interface{ SetLinger(int) error }); ok {
		_ = t.SetLinger(0)
	}
}

// CloseWrite sends the end of the stream; net/http calls it before it closes on a client that may still be writing.
func (c *conn) CloseWrite() error {
	c.bye()
	return c.socket.CloseWrite()
}

// linger sends the end of the stream and reads until the client has done the same, or the moment is over. What is read is
// not looked at, so TLS has no part in it. A quiet client is not waited for.
func (k *socket) linger(quiet bool) {
	if quiet || k.ended.Load() {
		return
	}
	if k.CloseWrite() != nil || k.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	buf := make([]byte, 4096)
	for total := 0; total < lingerBytes; {
		n, err := k.Conn.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}
