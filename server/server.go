package server

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gild/logs"
	"gild/server/auth"
	"gild/server/compress"
	"gild/server/files"
	"gild/server/rewrite"
)

// serverName is the Server header of every response, as short as Apache's under ServerTokens Prod.
const serverName = "gild"

// A Server serves HTTP on its listeners. Make it with [New].
type Server struct {
	handler   http.Handler // nil: there is no application
	handlers  map[string]http.Handler
	mount     string      // "" is the whole site, else "/path"
	files     *files.Tree // nil: there are none
	site      Site
	hsts      []string // field values for responses over HTTPS; nil: none
	altSvc    []string // likewise
	hosts     hosts    // of site
	trust     Trust
	advised   atomic.Bool // see adviseTrust
	unheaded  atomic.Bool // see refuseProxy
	rules     *rewrite.Rules
	proxies   []Proxy // in the order in which they are asked
	challenge func(http.ResponseWriter, *http.Request) bool
	variables func(*tls.ConnectionState, func(key, value string))
	documents map[int]string
	access    Access
	names     auth.Names // of clients
	limits    Limits
	timeouts  Timeouts
	errorLog  logs.Logger
	accessLog *logs.AccessLog
	environ   []Variable

	compressors *compress.Pool // nil: nothing is compressed

	listeners []*listener
	tls       *tls.Config
	h2c       bool
	gate      *gate
	quic      *quicServer // nil: no HTTP/3
	ids       *ids

	http, h2            *http.Server // the engines
	direct, multiplexed *queue       // of connections for them that were greeted
	exchanges           sync.Pool    // of *Exchange, for conn
	streams             sync.Pool    // of *stream
	buffers             sync.Pool    // of *[]byte, for files on their way to a stream
	sessions            sessions
	patrol              patrol
	crowd               atomic.Int64 // streams that run a handler
	departures          departures

	status       http.Handler // nil: no status page
	extra        []ExtraListener
	extraServers []*http.Server // of each extra listener
	counters     counters

	stage    atomic.Int32
	retired  sync.Once
	begun    atomic.Bool   // Serve was called
	stopping chan struct{} // closed when nothing is accepted any more
	stopped  sync.Once
	ended    sync.Once
	over     chan struct{}   // closed when there are no connections any more
	hurried  context.Context // ends when tunnels have to: Shutdown has begun, or the patience of Drain is over
	hurry    context.CancelFunc
}

// New returns a server that does not accept yet. It panics when Options lacks what it requires: that is a mistake in the
// program, not in what a user asked for.
func New(opts Options) *Server {
	if opts.ErrorLog == nil || len(opts.Listeners) == 0 {
		panic("server: Options needs Listeners and ErrorLog")
	}
	opts.Access.check()
	s := &Server{
		handler:   opts.Handler,
		handlers:  opts.Handlers,
		mount:     strings.TrimSuffix(opts.Mount, "/"),
		site:      opts.Site,
		hosts:     newHosts(&opts.Site),
		trust:     opts.Trust,
		rules:     opts.Rewrite,
		proxies:   sortProxies(opts.Proxies),
		challenge: opts.Challenge,
		variables: opts.Variables,
		documents: opts.ErrorDocuments,
		access:    opts.Access,
		limits:    opts.Limits.withDefaults(),
		timeouts:  opts.Timeouts.withDefaults(),
		errorLog:  opts.ErrorLog,
		accessLog: opts.AccessLog,
		environ:   opts.Environ,
		status:    opts.Status,
		extra:     opts.Extra,
		ids:       newIDs(),
		tls:       opts.TLS,
		h2c:       opts.H2C,
		stopping:  make(chan struct{}),
		over:      make(chan struct{}),
	}
	s.hosts.proxied = hostsOf(opts.Proxies)
	s.hurried, s.hurry = context.WithCancel(context.Background())
	s.files = s.newFiles(opts.Files)
	if opts.Compress {
		s.compressors = compress.NewPool(mostEncoders)
	}
	s.remember(&opts.Site)
	s.gate = newGate(s.limits.Clients)
	s.exchanges.New = func() any { return &Exchange{server: s} }
	s.buffers.New = func() any { b := make([]byte, copyBuffer); return &b }
	s.streams.New = func() any { return &stream{exchange: Exchange{server: s}} }
	for _, l := range opts.Listeners {
		if l.Info.Scheme == "https" && opts.TLS == nil {
			panic("server: a listener for https needs Options.TLS")
		}
		s.listeners = append(s.listeners, &listener{Listener: l, server: s, ended: make(chan struct{})})
	}
	for _, l := range opts.Extra {
		s.extraServers = append(s.extraServers, s.newExtra(l))
	}
	s.http, s.h2 = s.newEngine(), s.newH2Engine()
	s.direct, s.multiplexed = newQueue(s.over), newQueue(s.over)
	s.patrol.now.Store(1)
	if opts.QUIC != nil {
		s.quic = s.newQUIC(opts.QUIC)
	}
	s.counters.rate.add(time.Now(), 0)
	return s
}

// Serve accepts connections until [Server.Drain] or [Server.Shutdown] is called, and then returns nil without waiting for
// requests that are running. Any other return is the failure of a listener, and the others are closed with it; what
// was accepted is served until Shutdown. Call it once; until then clients wait in the listen queue.
func (s *Server) Serve() error {
	s.begun.Store(true)
	s.serveExtra()
	if s.quic != nil {
		s.quic.start()
	}
	if s.status != nil || len(s.extra) > 0 {
		go s.counters.sample(s.stopping)
	}
	s.serveGreeted()
	if s.quic != nil || slices.ContainsFunc(s.listeners, s.greets) {
		go s.patrol.walk(s, s.over)
	}
	errs := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { errs <- l.serve() }()
	}
	var first error
	for range s.listeners {
		err := <-errs
		if s.leaving() {
			continue
		}
		s.closeListeners()
		if first == nil && !errors.Is(err, net.ErrClosed) {
			first = err
		}
	}
	return first
}

// serveGreeted starts what connections need that are greeted. It ends with the last of them.
func (s *Server) serveGreeted() {
	if !slices.ContainsFunc(s.listeners, s.greets) {
		return
	}
	for engine, q := range map[*http.Server]*queue{s.http: s.direct, s.h2: s.multiplexed} {
		go func() {
			_ = engine.Serve(q) // its only failure is the end
			q.dropAll()
		}()
	}
}

// closeListeners closes all sockets but those of orphans.
func (s *Server) closeListeners(orphans ...*listener) {
	for _, l := range s.listeners {
		if !slices.Contains(orphans, l) {
			_ = l.Close()
		}
	}
	for _, l := range s.extra {
		_ = l.Socket.Close()
	}
}
