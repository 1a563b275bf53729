package server

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"gild/server/proxy"
)

// A tunnel is what becomes of a request when both sides have agreed to speak WebSocket: the connection of HTTP/1 (RFC 6455), or
// the stream of an extended CONNECT (RFC 8441, RFC 9220). No timeout of HTTP and no limit for bodies applies to it. It counts
// as a request that runs: Drain waits for it, Shutdown ends it.

// wantsWebSocket reports whether the client asks for a WebSocket in the way of its protocol.
func (x *Exchange) wantsWebSocket() bool {
	r := x.Request
	if r.ProtoMajor > 1 {
		return x.protocol == "websocket"
	}
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && r.ContentLength == 0 &&
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && hasToken(r.Header["Connection"], "upgrade")
}

// hasToken reports whether one of the comma-separated lists has a token, in lower case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for word := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(word), token) {
				return true
			}
		}
	}
	return false
}

// takeProtocol takes :protocol out of an extended CONNECT, where net/http and http3 leave it in places of their own. Without
// GODEBUG=http2xconnect=1 net/http offers none.
func (x *Exchange) takeProtocol() {
	r := x.Request
	switch {
	case r.Method != http.MethodConnect:
	case r.ProtoMajor == 2 && len(r.Header[":protocol"]) == 1:
		x.protocol = r.Header[":protocol"][0]
		delete(r.Header, ":protocol")
	case r.ProtoMajor == 3 && r.Proto != "HTTP/3.0":
		x.protocol, r.Proto = r.Proto, "HTTP/3.0"
	}
}

// untunnelled answers an extended CONNECT that nothing at its address understands.
func (s *Server) untunnelled(x *Exchange) http.Handler {
	if x.protocol == "" {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { From(w).Error(http.StatusNotImplemented) })
}

// Tunnel implements proxy.Client: it agrees, with the header fields set so far, and what is read and written from then on is what
// follows. The tunnel ends when the handler returns.
func (x *Exchange) Tunnel() (proxy.ClientTunnel, error) { return x.carrier.tunnel(x) }

// tunnel takes the connection from net/http, and writes the head of 101 itself: net/http would put "Connection: close" into
// it while the server leaves.
func (c *conn) tunnel(x *Exchange) (proxy.ClientTunnel, error) {
	_, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, err
	}
	x.tunnelled, x.status, x.headed = true, http.StatusSwitchingProtocols, time.Now()
	x.setFields()
	x.header.Set("Connection", "Upgrade")
	ahead, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is there can be looked at
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = x.header.Write(head) // a Buffer takes all
	head.WriteString("\r\n")
	return &connTunnel{c, x, slices.Clone(ahead)}, c.writeAll(head.Bytes())
}

// A connTunnel is what follows on a connection of HTTP/1.
type connTunnel struct {
	*conn
	x     *Exchange
	ahead []byte // what net/http has read already
}

// Read waits as long as it takes.
func (t *connTunnel) Read(p []byte) (int, error) {
	if len(t.ahead) > 0 {
		n := copy(p, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	t.socket.turn, t.socket.read.want = nil, time.Time{}
	return t.conn.Conn.Read(p)
}

// Write implements io.Writer, with the timeout of every write.
func (t *connTunnel) Write(p []byte) (int, error) {
	n, err := t.conn.Conn.Write(p)
	t.x.written += int64(n)
	return n, err
}

// Stop implements proxy.ClientTunnel.
func (t *connTunnel) Stop() { t.socket.halt() }

// endTunnel is the end of the connection, of which net/http knows nothing any more.
func (c *conn) endTunnel() {
	c.exchange.ended = time.Now()
	c.finish(false)
	if !c.gone() {
		c.bye()
		c.socket.linger(false)
	}
	_ = c.closeHijacked() // nothing is left to be said
}

// tunnel sends the head; the stream is a tunnel by itself then.
func (st *stream) tunnel(x *Exchange) (proxy.ClientTunnel, error) {
	x.WriteHeader(http.StatusOK)
	return &streamTunnel{st}, x.FlushError()
}

// A streamTunnel is what follows on a stream. Its reads are not under the eyes of the patrol, its writes are.
type streamTunnel struct{ st *stream }

// Read waits as long as it takes.
func (t *streamTunnel) Read(p []byte) (int, error) {
	body := t.st.body.ReadCloser
	if body == nil {
		return 0, io.EOF // the client has ended the stream with its head
	}
	n, err := body.Read(p)
	t.st.exchange.body.read.Add(int64(n))
	return n, err
}

// Write implements io.Writer.
func (t *streamTunnel) Write(p []byte) (int, error) {
	n, err := t.st.exchange.Write(p)
	if err == nil {
		err = t.st.exchange.FlushError()
	}
	return n, err
}

// Stop implements proxy.ClientTunnel.
func (t *streamTunnel) Stop() {
	_ = http.NewResponseController(t.st.w.ResponseWriter).SetReadDeadline(longAgo) // it has ended if that fails
}
