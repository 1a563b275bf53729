package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gild/logs"
)

// HTTP/2 is spoken by net/http, in an http.Server of its own that knows of no TLS: what an h2Conn brings it are frames,
// whether they came encrypted or not (RFC 9113 section 3.3 calls that prior knowledge). So they can be watched on their way.

// h2Key finds the *h2Conn in the context of a request.
type h2Key struct{}

// What a client may do at once. Memory for request bodies is taken as they come, also of requests that wait for a thread: at most
// h2Receive for a connection, which is why a body has no larger window. That for responses is what net/http buffers of each
// stream, 4 KB; the rest waits in the handler.
const (
	h2Streams = 100      // requests in flight on one connection, Apache's H2MaxSessionStreams and the least that RFC 9113 section 6.5.2 recommends
	h2Frame   = 16 << 10 // bytes of a frame from the client: the least of RFC 9113 section 4.2, since net/http keeps a buffer for the longest
	h2Upload  = 64 << 10 // bytes of a body that wait for the handler, Apache's H2WindowSize: 10 Mbit/s at 50 ms for one upload
	h2Table   = 4096     // bytes of each table of header compression, the RFC's default

	// h2Receive is the same of all bodies of a connection. With less, those of requests that wait for a thread could take all
	// the room, and those that have one would wait for theirs for ever.
	h2Receive = h2Streams * h2Upload
)

// newH2Engine sets up the net/http server that speaks HTTP/2 for s.
func (s *Server) newH2Engine() *http.Server {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	engine := &http.Server{
		Handler:                      http.HandlerFunc(s.serveH2),
		DisableGeneralOptionsHandler: true,
		MaxHeaderBytes:               2 * s.limits.Head, // it counts otherwise, and what it refuses gets a page of its own; below that checkHead decides
		IdleTimeout:                  s.timeouts.KeepAlive,
		ConnState:                    func(c net.Conn, state http.ConnState) { c.(*h2Conn).setState(state) },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, h2Key{}, c.(*h2Conn))
		},
		ErrorLog:  log.New(engineLog{s.errorLog}, "", 0),
		Protocols: &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          h2Streams,
			MaxReadFrameSize:              h2Frame,
			MaxReceiveBufferPerStream:     h2Upload,
			MaxReceiveBufferPerConnection: h2Receive,
			MaxDecoderHeaderTableSize:     h2Table,
			MaxEncoderHeaderTableSize:     h2Table,
		},
	}
	if s.timeouts.KeepAlive <= 0 { // a connection ends when it has nothing to do
		engine.IdleTimeout = s.timeouts.handshake()
		engine.SetKeepAlivesEnabled(false)
	}
	return engine
}

// finishH2 has net/http send its own GOAWAY on every connection, which names the last stream that will be served. It says
// the same on those that come later, as soon as they have nothing to do. Any goroutine may call it, more than once.
func (s *Server) finishH2() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()                               // it is for us to wait, not for Shutdown
	go func() { _ = s.h2.Shutdown(ctx) }() // returns when the queue ends
}

// serveH2 is one request, from the engine.
func (s *Server) serveH2(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(h2Key{}).(*h2Conn)
	s.serveStream(&c.session, w, r)
}

// An h2Conn stands between net/http and one HTTP/2 connection: the socket, or TLS on it. Read is called by one goroutine of
// net/http's and Write by another.
type h2Conn struct {
	net.Conn // what the frames travel in: the socket or a *tls.Conn
	session  session
	socket   *socket

	reads   frames
	last    frame  // whose head was read last
	newest  uint32 // the last stream that the client has opened
	opening bool   // the last head that has begun opens a stream; otherwise it is of trailers
	head    turn   // a head that does not come at once
	credit  *credit

	mu      sync.Mutex // held while something is written
	writes  frames
	spoken  bool                   // the server's own preface is out
	parting atomic.Pointer[[]byte] // a frame of ours that is to be sent between two of net/http's
}

// newH2Conn makes a socket a connection of HTTP/2. With TLS the handshake is over.
func (s *Server) newH2Conn(k *socket, t *tls.Conn) *h2Conn {
	c := &h2Conn{Conn: k, socket: k, reads: frames{rest: len(http2Preface)}, credit: newCredit()}
	c.session.server, c.session.link = s, link{info: k.info, local: k.LocalAddr()}
	if t != nil {
		state := t.ConnectionState()
		c.Conn, c.session.tls = t, &state
	}
	c.session.farewell = func() { c.part(goAwayFrame(anyStream, codeNone)) }
	c.session.traffic = func() (int64, int64) { return k.in.Load(), k.out.Load() }
	c.session.over = k.leave
	k.shared.Store(true)
	k.read.want = time.Now().Add(s.timeouts.handshake())
	c.session.open()
	return c
}

// drop ends a connection that net/http has not taken.
func (c *h2Conn) drop() {
	c.socket.abort()
	c.session.close()
}

// setState is net/http's report on a connection: StateActive when the preface has come and while there are streams,
// StateClosed when it serves no more. Handlers may still be running then.
func (c *h2Conn) setState(state http.ConnState) {
	c.socket.state.Store(uint32(state))
	switch state {
	case http.StateActive:
		if c.socket.turn != nil {
			return // the beginning of another head has come with this one
		}
		c.socket.read.want = time.Time{} // net/http has a timer for the idle connection, and none is needed for a busy one
	case http.StateClosed:
		c.session.close()
	}
}

// Read passes on what the client says, and fails when it says too much that is nothing.
func (c *h2Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.watch(p[:n]) {
		return 0, errFlood
	}
	if err != nil {
		c.endSlowHead(err)
	}
	return n, err
}

var errFlood = errors.New("the client sends control frames without end")

// Write passes on what net/http says.
func (c *h2Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	n, err := c.Conn.Write(p)
	c.follow(p[:n])
	c.mu.Unlock()
	c.sendParting()
	return n, err
}

// part has a last frame sent, as soon as that does not fall into the middle of another. Any goroutine may call it; it does not
// block unless the client does.
func (c *h2Conn) part(frame []byte) {
	c.parting.Store(&frame)
	c.sendParting()
}

// sendParting sends it, if nobody is writing: who is comes here afterwards.
func (c *h2Conn) sendParting() {
	for c.parting.Load() != nil && c.mu.TryLock() {
		ready := c.spoken && c.writes.between()
		if ready {
			_, _ = c.Conn.Write(*c.parting.Swap(nil)) // if the connection is broken, net/http will see it
		}
		c.mu.Unlock()
		if !ready {
			return
		}
	}
}

// SetReadDeadline, SetWriteDeadline and SetDeadline do nothing: the socket has its own timers.
func (c *h2Conn) SetReadDeadline(time.Time) error  { return nil }
func (c *h2Conn) SetWriteDeadline(time.Time) error { return nil }
func (c *h2Conn) SetDeadline(time.Time) error      { return nil }

// watch looks at what the client sends. It reports false when that is a flood.
func (c *h2Conn) watch(p []byte) bool {
	for f, rest, ok := c.reads.next(p); ok; f, rest, ok = c.reads.next(rest) {
		if f.kind == frameHeaders {
			c.opening = f.stream > c.newest
			c.newest = max(c.newest, f.stream)
		}
		if !c.credit.spend(&f) {
			c.flooded()
			return false
		}
		c.last = f
	}
	c.dribbles(&c.last)
	return true
}

// flooded says goodbye to the client and why to the log.
func (c *h2Conn) flooded() {
	c.socket.log(logs.Info, "HTTP/2 connection closed: the client has sent more control frames than its requests are worth")
	c.part(goAwayFrame(c.newest, codeEnhanceYourCalm))
}

// follow looks at what net/http sends.
func (c *h2Conn) follow(p []byte) {
	for f, rest, ok := c.writes.next(p); ok; f, rest, ok = c.writes.next(rest) {
		c.spoken = true
		c.credit.earn(&f)
	}
}

// isAdequate reports whether the TLS of a connection is good enough for HTTP/2, RFC 9113 section 9.2.
func isAdequate(state *tls.ConnectionState) bool {
	if state.Version != tls.VersionTLS12 {
		return state.Version > tls.VersionTLS12
	}
	switch state.CipherSuite {
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return true
	}
	return false
}

// emptySettings is the least that a server may begin with.
var emptySettings = []byte{0, 0, 0, 4, 0, 0, 0, 0, 0}

// refuseH2 ends a connection whose TLS is not good enough.
func (s *Server) refuseH2(k *socket, t *tls.Conn) {
	k.log(logs.Info, "HTTP/2 refused: the TLS version or the cipher suite is too weak for it")
	_, _ = t.Write(append(emptySettings[:len(emptySettings):len(emptySettings)], goAwayFrame(0, codeInadequateSecurity)...)) // it may have left
	_ = t.CloseWrite()
	s.part(k)
}
