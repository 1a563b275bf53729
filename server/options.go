package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"gild/logs"
	"gild/server/files"
	"gild/server/rewrite"
)

// Options is what a [Server] needs to know. It is not changed after [New].
type Options struct {
	Listeners []Listener    // at least one
	Handler   http.Handler  // gets an *Exchange and its Request; nil: there is no application
	Proxies   []Proxy       // parts of the site that other servers answer for
	Mount     string        // URL path the handler is mounted at; what is elsewhere and no file is 404. "" or "/" is the whole site
	Files     files.Options // files of the site, which are sent instead of asking Handler
	Limits    Limits
	Timeouts  Timeouts
	ErrorLog  logs.Logger             // required
	AccessLog *logs.AccessLog         // nil: no access log
	Environ   []Variable              // of every request, for the access log's %{NAME}e; a handler sees to its own
	Handlers  map[string]http.Handler // by extension, with its dot: what answers for such files of the site, see Exchange.Resource
	Status    http.Handler            // serves /server-status of every listener, wherever the mount point is; nil: nobody does
	Extra     []ExtraListener         // sockets with a handler of their own

	// Compress has text compressed for clients that take that: with zstd, gzip or Brotli, as they prefer.
	Compress bool

	// ErrorDocuments are URL paths of the site, escaped, by statuses of 400 or more: they are served with that status in the place
	// of the server's own page. Clients that came to a foreign host, or without TLS where that is a must, get the page.
	ErrorDocuments map[int]string

	TLS       *tls.Config                                   // for the listeners whose scheme is "https"; required if there is one
	QUIC      *QUIC                                         // nil: no HTTP/3
	H2C       bool                                          // HTTP/2 with prior knowledge on the other listeners (RFC 9113 section 3.3)
	Rewrite   *rewrite.Rules                                // for what has no alias and is for no other server; nil: there are none
	Site      Site                                          // hosts, and the policy about HTTPS
	Trust     Trust                                         // in proxies; the zero value is none
	Access    Access                                        // who may see the site
	Challenge func(http.ResponseWriter, *http.Request) bool // answers for an ACME authority (RFC 8555 section 8.3), before Site is asked; nil: nobody does

	// Variables calls add for each variable that mod_ssl would give a request of the connection, for the access log's %{NAME}x;
	// nil: there are none.
	Variables func(state *tls.ConnectionState, add func(key, value string))
}

// A Listener is an open socket and what a URL says about it. New takes it over: Drain and Shutdown close it.
type Listener struct {
	Socket net.Listener
	Info   Info
}

// Info describes the socket that accepted a connection. It is shared by all its connections: do not change it.
type Info struct {
	Host   string   // host the socket is bound to as it was asked for; "" for every interface
	Port   string   // decimal
	Scheme string   // "http" or "https"
	Addr   net.Addr // address of the listening socket itself
}

// Limits bound what a client may ask for. Where zero is no limit that is said.
type Limits struct {
	Clients     int   // connections open at once; 0: 10000. One more per further listener may slip through. Also requests at once on HTTP/2 and HTTP/3, 503 above it
	RequestLine int   // bytes of the request line, 414 above it; 0: 8190 as Apache's LimitRequestLine
	Head        int   // bytes of request line and header fields together, 431 above it; 0: 65536
	Fields      int   // header fields, 431 above it; 0: no limit but Head
	Body        int64 // bytes of the request body, 413 above it; 0: no limit
}

// Timeouts bound how long a client is waited for. None is unlimited.
type Timeouts struct {
	KeepAlive time.Duration // between two requests of a connection; 0: connections are closed after one
	Header    Pace          // the head of a request from its first byte, with the first one from the beginning of the connection; 408 after it
	Body      Pace          // the body from the handler's first read; 408 after it
	Socket    time.Duration // for a single byte of either, whatever their Pace; also for a TLS handshake if Header has no Timeout. 0: 60 s
	Write     time.Duration // for the client to take some more of the response; 0: 60 s
}

// handshake is how long a client may take until it is known what it speaks.
func (t *Timeouts) handshake() time.Duration {
	if t.Header.Timeout == 0 {
		return t.Socket
	}
	return t.Header.Timeout
}

// longestHead is how long a head may take at most whose bytes cannot be seen.
func (t *Timeouts) longestHead() time.Duration { return max(t.handshake(), t.Header.Max) }

// withDefaults fills in what was left zero.
func (l Limits) withDefaults() Limits {
	setDefault(&l.Clients, 10000)
	setDefault(&l.RequestLine, 8190)
	setDefault(&l.Head, 64<<10)
	return l
}

// withDefaults fills in what was left zero.
func (t Timeouts) withDefaults() Timeouts {
	setDefault(&t.Socket, time.Minute)
	setDefault(&t.Write, time.Minute)
	return t
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// firstByte is how long the first byte of a body may take.
func (t *Timeouts) firstByte() time.Duration { return min(t.Body.allows(0), t.Socket) }
