package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/ipv4"

	"gild/logs"
)

// Limits of HTTP/3 connections that are not asked for. Windows are what a client may send before somebody reads it:
// what a connection can make the server keep.
const (
	quicStreams      = 100      // requests at once on a connection, as quic-go and most others
	quicUniStreams   = 8        // HTTP/3 needs three: control, and two of QPACK (RFC 9114 section 6.2)
	quicFirstWindow  = h2Upload // bytes of a body before a handler reads any of it
	quicStreamWindow = 1 << 20  // bytes that it grows to when one does; 10 MB/s for an upload over 100 ms

	// quicConnWindow is no bound of its own: bodies that nobody reads keep to quicFirstWindow. With less, those could take all
	// the room, and since it is given back in quarters, those that are read would wait for theirs for ever.
	quicConnWindow    = quicStreams * quicStreamWindow
	quicFieldOverhead = 32 * 128 // HTTP/3 counts 32 bytes more for a field than HTTP/1 (RFC 9114 section 4.2.2)
	quicHalfOpen      = 64       // handshakes at once above which addresses are validated (RFC 9000 section 8.1.2)
	quicHalfOpenLimit = 1024     // and above which new ones are refused
	quicIdle          = 30 * time.Second
	quicKeepAlive     = 15 * time.Second
)

// A quicServer is the HTTP/3 side of a Server.
type quicServer struct {
	server    *Server
	share     *PacketShare
	info      *Info
	transport *quic.Transport
	http      *http3.Server
	listener  *quic.EarlyListener

	halfOpen      atomic.Int64 // connections whose handshake is not complete
	accepting     context.Context
	stopAccepting context.CancelFunc
	goneAway      atomic.Int64 // Unix time in nanoseconds when GOAWAY was sent; 0: not yet
	closed        chan struct{}
	closing       sync.Once
}

func (s *Server) newQUIC(o *QUIC) *quicServer {
	q := &quicServer{server: s, share: o.Share, info: &o.Info, closed: make(chan struct{})}
	q.accepting, q.stopAccepting = context.WithCancel(context.Background())
	q.transport = &quic.Transport{
		Conn:                  packetConn{o.Share},
		ConnectionIDGenerator: idGenerator{&o.Share.ids},
		StatelessResetKey:     (*quic.StatelessResetKey)(&o.ResetKey),
		TokenGeneratorKey:     (*quic.TokenGeneratorKey)(&o.TokenKey),
		VerifySourceAddress:   func(net.Addr) bool { return q.halfOpen.Load() >= quicHalfOpen },
		ConnContext:           q.begin,
	}
	q.http = &http3.Server{
		TLSConfig:      http3.ConfigureTLSConfig(o.TLS),
		QUICConfig:     q.config(),
		Handler:        q,
		MaxHeaderBytes: s.limits.Head + quicFieldOverhead,
		IdleTimeout:    max(s.timeouts.KeepAlive, quicIdle),
		ConnContext:    q.accepted,
		Logger:         newSlog(s.errorLog),
	}
	return q
}

// config is what is said to QUIC. An idle connection ends by http3's timeout, which knows about requests: QUIC's own
// ends those whose client has vanished, and pings keep the others from it, since an application may think for longer.
//
// The time that an idle connection may stay is not that of HTTP/1 but the 30 s which browsers give it, too: it has no
// descriptor and no thread, and a new one costs both sides a handshake.
func (q *quicServer) config() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           q.server.timeouts.handshake() / 2, // the whole of it may take twice that
		MaxIdleTimeout:                 quicIdle,
		KeepAlivePeriod:                quicKeepAlive,
		MaxIncomingStreams:             quicStreams,
		MaxIncomingUniStreams:          quicUniStreams,
		InitialStreamReceiveWindow:     quicFirstWindow,
		MaxStreamReceiveWindow:         quicStreamWindow,
		InitialConnectionReceiveWindow: quicConnWindow,
		MaxConnectionReceiveWindow:     quicConnWindow,
		Allow0RTT:                      true,
	}
}

// start begins to serve HTTP/3, which is when nobody else does on this socket. Without it clients stay with what they
// have: so a failure is logged and no reason to end.
func (q *quicServer) start() {
	var err error
	restore := captureStandardLog(q.server.errorLog)
	q.listener, err = q.transport.ListenEarly(q.http.TLSConfig, q.http.QUICConfig)
	restore()
	if err != nil {
		q.complainOfStart(err)
		return
	}
	go q.own()
	if q.server.gate.wait() { // Drain has to wait for what may still be accepted
		go q.serve()
	}
}

// own waits for the socket.
func (q *quicServer) own() {
	for {
		err := q.share.serve()
		q.complainOfStart(err)
		if !errors.Is(err, errNoTag) {
			return
		}
		select {
		case <-time.After(2 * time.Second):
		case <-q.closed:
			return
		}
	}
}

// complainOfStart is complain for what fails if the server is closed meanwhile.
func (q *quicServer) complainOfStart(err error) {
	if !q.server.leaving() {
		q.complain(err)
	}
}

func (q *quicServer) complain(err error) {
	if err != nil {
		logs.Printf(q.server.errorLog, logs.Error, "http3", "HTTP/3 is not served on UDP port %s: %v", q.info.Port, err)
	}
}

// serve accepts connections until drain has had its moment, says GOAWAY to all, and refuses what comes later.
func (q *quicServer) serve() {
	_ = q.http.ServeListener(stoppable{q.listener, q.accepting}) // it says that it was stopped
	q.server.gate.settle()
	go func() { _ = q.http.Shutdown(context.Background()) }() // returns when the last connection is over
	q.goneAway.Store(time.Now().UnixNano())
	for {
		c, err := q.listener.Accept(context.Background())
		if err != nil {
			return // the transport is closed
		}
		_ = c.CloseWithError(h3NoError, "")
	}
}

// A stoppable is a listener that can be made to accept nothing more. http3.Server.Shutdown would lose a connection that
// is being accepted.
type stoppable struct {
	*quic.EarlyListener
	ctx context.Context
}

func (l stoppable) Accept(context.Context) (*quic.Conn, error) {
	c, err := l.EarlyListener.Accept(l.ctx)
	if err != nil {
		return nil, quic.ErrServerClosed
	}
	return c, nil
}

// begin is called for the first packet of a connection. An error refuses it; browsers then take HTTP/2 for a while.
func (q *quicServer) begin(ctx context.Context, from *quic.ClientInfo) (context.Context, error) {
	switch {
	case q.accepting.Err() != nil:
		return nil, net.ErrClosed
	case q.server.gate.full(), q.halfOpen.Load() >= quicHalfOpenLimit:
		return nil, errors.New("too many connections")
	}
	c := &quicClient{server: q}
	q.halfOpen.Add(1)
	context.AfterFunc(ctx, func() { c.ended(from.RemoteAddr, context.Cause(ctx)) })
	return context.WithValue(ctx, quicClientKey{}, c), nil
}

// endedByUs reports whether it was this side that did not want a connection any more. Nothing follows from net.ErrClosed, which
// all errors of quic-go wrap.
func endedByUs(cause error) bool {
	var application *quic.ApplicationError
	return errors.Is(cause, quic.ErrServerClosed) || errors.Is(cause, quic.ErrTransportClosed) ||
		errors.As(cause, &application) && !application.Remote
}

// accepted is called when http3 takes a connection over, which may be before the handshake is complete: then requests
// of its 0-RTT data follow.
func (q *quicServer) accepted(ctx context.Context, conn *quic.Conn) context.Context {
	c := ctx.Value(quicClientKey{}).(*quicClient)
	c.accepted(quicConn{
		local: conn.LocalAddr(),
		close: func(code uint64) { _ = conn.CloseWithError(quic.ApplicationErrorCode(code), "") },
		traffic: func() (in, out int64) {
			stats := conn.ConnectionStats()
			return int64(stats.BytesReceived), int64(stats.BytesSent)
		},
	})
	go func() {
		select {
		case <-conn.HandshakeComplete():
			c.handshaken()
		case <-conn.Context().Done():
		}
	}()
	return ctx
}

// ServeHTTP is one request, from http3.
func (q *quicServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(quicClientKey{}).(*quicClient).serve(w, r)
}

// An idGenerator makes connection IDs for quic-go.
type idGenerator struct{ ids *idMaker }

// GenerateConnectionID implements quic.ConnectionIDGenerator.
func (g idGenerator) GenerateConnectionID() (quic.ConnectionID, error) {
	return quic.ConnectionIDFromBytes(g.ids.next()), nil
}

// ConnectionIDLen implements quic.ConnectionIDGenerator.
func (g idGenerator) ConnectionIDLen() int { return idSize }

// close ends what is left of QUIC. The server is through with its connections.
func (q *quicServer) close() { q.closing.Do(q.closeOnce) }

func (q *quicServer) closeOnce() {
	q.stopAccepting()
	_ = q.transport.Close() // it has nothing to say about a socket that is not its own
	close(q.closed)
	q.share.close()
	if n, lost := q.share.forwarded.Load(), q.share.dropped.Load(); n+lost > 0 {
		logs.Printf(q.server.errorLog, logs.Debug, "http3",
			"Passed on %d datagrams of connections of other processes, %d more were dropped", n, lost)
	}
}

// quic-go goes without all optimisations, and says nothing, if the share lacks one of these methods.
var (
	_ quic.OOBCapablePacketConn = packetConn{}
	_ interface {
		ReadBatch([]ipv4.Message, int) (int, error)
	} = packetConn{}
)
