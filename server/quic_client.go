package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"gild/logs"
)

// quicClientKey is the key of the *quicClient in the context of a connection and its requests.
type quicClientKey struct{}

// A quicClient is a connection of HTTP/3, from its first packet on. The gate counts it once http3 has taken it over.
type quicClient struct {
	server    *quicServer
	quicConn            // once http3 has taken the connection over
	handshake sync.Once // it is over, this way or that

	mu      sync.Mutex
	active  int       // handlers that run
	served  int       // requests
	quiet   time.Time // when active became 0
	over    bool      // the connection has ended
	session *session  // made when the handshake is complete: before, the certificate of the client is not known
}

// A quicConn is what a quicClient needs of a connection of quic-go. Any goroutine may call it.
type quicConn struct {
	local   net.Addr
	close   func(code uint64)      // ends it with an error code of HTTP/3
	traffic func() (in, out int64) // bytes since the connection began
}

// h3NoError is the error code of a connection that ends as it should, RFC 9114 section 8.1.
const h3NoError = 0x100

func (c *quicClient) accepted(conn quicConn) {
	c.quicConn = conn
	c.quiet = time.Now()
	gate := c.server.server.gate
	gate.enter(c)
	if c.through() { // looked at after entering: ended does it in the other order
		gate.leave(c)
	}
	if c.server.server.stage.Load() == aborted { // looked at after entering: wait does it in the other order
		c.abort()
	}
}

// handshaken is called when the handshake is over. It has no effect after the first time.
func (c *quicClient) handshaken() {
	c.handshake.Do(func() { c.server.halfOpen.Add(-1) })
}

// ended is called when the connection has ended, in a goroutine of its own.
func (c *quicClient) ended(client net.Addr, cause error) {
	failed := false
	c.handshake.Do(func() { c.server.halfOpen.Add(-1); failed = true })
	if failed && !endedByUs(cause) {
		c.server.server.counters.handshakes.Add(1)
		c.server.log(logs.Info, client, "QUIC handshake failed: "+cause.Error())
	}
	c.mu.Lock()
	c.over = true
	ss := c.session
	c.mu.Unlock()
	if ss != nil {
		ss.close()
	}
	c.leaveIfThrough()
}

// through reports that the connection has ended and the last handler has returned.
func (c *quicClient) through() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over && c.active == 0
}

// leaveIfThrough leaves the gate. Shutdown waits for the last line of the log, too. The lock is not held, since the
// gate asks its clients while it holds its own.
func (c *quicClient) leaveIfThrough() {
	if c.through() {
		c.server.server.gate.leave(c)
	}
}

// serve is one request.
func (c *quicClient) serve(w http.ResponseWriter, r *http.Request) {
	if !c.begin() {
		panic(http.ErrAbortHandler)
	}
	defer c.end()
	c.server.settleBody(w, r)
	if r.TLS.HandshakeComplete {
		c.server.server.serveStream(c.usual(r.TLS), w, r)
	} else {
		c.serveEarly(w, r)
	}
	if r.Method == http.MethodHead {
		_ = http.NewResponseController(w).Flush() // or http3 would add the length of a body that was not written
	}
}

// serveEarly is one request that came before the end of the handshake, in a session of its own, with the state of the
// handshake at this time.
func (c *quicClient) serveEarly(w http.ResponseWriter, r *http.Request) {
	r.Header["Early-Data"] = earlyField
	ss := c.newSession(r.TLS)
	ss.open()
	defer ss.close()
	c.server.server.serveStream(ss, w, r)
}

// usual is the session of all other requests. It is closed when the connection is.
func (c *quicClient) usual(state *tls.ConnectionState) *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		c.session = c.newSession(state)
		c.session.traffic = c.traffic
		if c.session.closed = c.over; !c.over {
			c.session.open()
		}
	}
	return c.session
}

func (c *quicClient) newSession(state *tls.ConnectionState) *session {
	return &session{
		link:   link{info: c.server.info, local: c.local, tls: state},
		server: c.server.server,
		over:   func() {}, // end does what is to be done then, also when there was no request
	}
}

// begin counts a handler, and reports false when the connection has ended. A client cannot have more than quicStreams
// of them: quic-go counts a stream that the client has reset until the handler has noticed (in HTTP/2 that was
// CVE-2023-44487).
func (c *quicClient) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.active++
	c.served++
	return true
}

func (c *quicClient) end() {
	c.mu.Lock()
	if c.active--; c.active == 0 {
		c.quiet = time.Now()
	}
	c.mu.Unlock()
	c.leaveIfThrough()
}

// settleBody finds out whether a request that says nothing about the length of its body has none. In HTTP/3 only the
// end of the stream tells, and that mostly comes with the head. Of methods that usually have a body the answer is not
// waited for: a client may want a part of the response before it goes on.
func (q *quicServer) settleBody(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.ContentLength == 0:
		r.Body = http.NoBody
		return
	case r.ContentLength > 0, !bodyIsUnusual(r.Method):
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(q.server.timeouts.firstByte()))
	var first [1]byte
	n, err := io.ReadFull(r.Body, first[:])
	if err == io.EOF {
		r.Body, r.ContentLength = http.NoBody, 0
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	r.Body = &peekedBody{r.Body, first[:n], err}
}

// bodyIsUnusual is for methods whose content has no generally defined semantics (RFC 9110 section 9.3), and for OPTIONS.
func bodyIsUnusual(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// A peekedBody gives back what was read of a body before.
type peekedBody struct {
	io.ReadCloser
	first []byte
	err   error
}

func (b *peekedBody) Read(p []byte) (int, error) {
	switch {
	case len(b.first) > 0:
		n := copy(p, b.first)
		b.first = b.first[n:]
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}

// standing implements client.
func (c *quicClient) standing() http.ConnState {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.active > 0:
		return http.StateActive
	case c.served > 0:
		return http.StateIdle
	}
	return http.StateNew
}

// hurryAlong implements client. The patrol looks at the stage of the server.
func (c *quicClient) hurryAlong() {}

// abort implements client.
func (c *quicClient) abort() { c.close(h3NoError) }

// quietSince is when the last handler has returned; false while one runs.
func (c *quicClient) quietSince() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet, c.active == 0
}

func (q *quicServer) log(level logs.Level, client net.Addr, message string) {
	if q.server.errorLog.Enabled(level) {
		q.server.errorLog.Log(logs.Record{Level: level, Module: "http3", Client: client.String(), Message: message})
	}
}
