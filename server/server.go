package server

import (
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

	status       http.Handler // nil: no status page
	extra        []ExtraListener
	extraServers []*http.Server // of each extra listener
	counters     counters

	stage    atomic.Int32
	retired  sync.Once
	stopping chan struct{} // closed when the stage of serving ends
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
		status:    opts.Status,
		extra:     opts.Extra,
		ids:       newIDs(),
		stopping:  make(chan struct{}),
	}
	s.gate = newGate(s.limits.Clients)
	s.exchanges.New = func() any { return &Exchange{server: s} }
	for _, l := range opts.Listeners {
		s.listeners = append(s.listeners, &listener{Listener: l, server: s})
	}
	for _, l := range opts.Extra {
		s.extraServers = append(s.extraServers, s.newExtra(l))
	}
	s.http = s.newEngine()
	s.counters.rate.add(time.Now(), 0)
	return s
}

// Serve accepts connections until [Server.Drain] or [Server.Shutdown] is called, and then returns nil at once, while
// requests may still be running. Any other return is the failure of a listener, and the others are closed with it; what
// was accepted is served until Shutdown. Call it once; until then clients wait in the listen queue.
func (s *Server) Serve() error {
	s.serveExtra()
	if s.status != nil || len(s.extra) > 0 {
		go s.counters.sample(s.stopping)
	}
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { errs <- s.http.Serve(l) }()
	}
	var first error
	for range s.listeners {
		err := <-errs
		s.closeListeners()
		if first == nil && !s.leaving() && !errors.Is(err, net.ErrClosed) {
			first = err
		}
	}
	return first
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for _, l := range s.extra {
		_ = l.Socket.Close()
	}
}
