package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gild/logs"
)

// serverName is the Server header of every response, as short as Apache's under ServerTokens Prod.
const serverName = "gild"

// newcomerGrace is how long a connection without a request may take to send one while the server drains.
const newcomerGrace = 250 * time.Millisecond

// A Server serves HTTP on its listeners. Make it with [New].
type Server struct {
	handler   http.Handler
	mount     string // "" is the whole site, else "/path"
	limits    Limits
	timeouts  Timeouts
	errorLog  logs.Logger
	accessLog *logs.AccessLog

	listeners []*listener
	http      *http.Server
	gate      *gate
	exchanges sync.Pool
	ids       *ids

	draining atomic.Bool
	stopping chan struct{} // closed when draining begins
}

// New returns a server that does not accept yet. It panics when Options lacks what it requires: that is a mistake in the
// program, not in what a user asked for.
func New(opts Options) *Server {
	if opts.Handler == nil || opts.ErrorLog == nil || len(opts.Listeners) == 0 {
		panic("server: Options needs Listeners, Handler and ErrorLog")
	}
	s := &Server{
		handler:   opts.Handler,
		mount:     strings.TrimSuffix(opts.Mount, "/"),
		limits:    opts.Limits.withDefaults(),
		timeouts:  opts.Timeouts.withDefaults(),
		errorLog:  opts.ErrorLog,
		accessLog: opts.AccessLog,
		ids:       newIDs(),
		stopping:  make(chan struct{}),
	}
	s.gate = newGate(s.limits.Clients)
	s.exchanges.New = func() any { return &Exchange{server: s} }
	for _, l := range opts.Listeners {
		s.listeners = append(s.listeners, &listener{Listener: l, server: s})
	}
	s.http = s.newEngine()
	return s
}

// Serve accepts connections until [Server.Shutdown] is called, and then returns nil at once, while requests may still be
// running. Any other return is the failure of a listener, and the others are closed with it. Call it once.
func (s *Server) Serve() error {
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { errs <- s.http.Serve(l) }()
	}
	var first error
	for range s.listeners {
		err := <-errs
		s.closeListeners()
		if first == nil && !s.draining.Load() && !errors.Is(err, net.ErrClosed) {
			first = err
		}
	}
	return first
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// Shutdown closes the listeners and the idle connections and waits until the others have finished the request they are
// in. A connection that was accepted but has sent nothing yet gets a moment to do so. When ctx ends first every connection
// is closed as it stands and the error of ctx is returned; handlers may then still be running. Call it once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	close(s.stopping)
	s.gate.close()
	s.closeListeners()
	s.http.SetKeepAlivesEnabled(false) // closes the idle ones, too
	s.gate.each((*conn).hurryNew)
	var err error
	select {
	case <-s.gate.empty():
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = s.http.Close()
	return err
}

// hurryNew is called from Shutdown's goroutine: it bounds the wait of a connection that is reading its first head.
func (c *conn) hurryNew() {
	if http.ConnState(c.state.Load()) == http.StateNew {
		_ = c.Conn.SetReadDeadline(time.Now().Add(newcomerGrace))
	}
}

// hurry bounds the wait for a head in the connection's own goroutine.
func (c *conn) hurry() {
	if soon := time.Now().Add(newcomerGrace); soon.Before(c.read.want) {
		c.read.want = soon
	}
}
