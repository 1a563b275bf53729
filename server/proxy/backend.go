// Package proxy answers: how is a request passed on to another server, and its response back?
//
// A [Backend] is that server. Messages travel through httputil.ReverseProxy and http.Transport; what is decided here is
// what the other server is told about the client (forwarded.go), how its answers are made to fit into the site
// (reverse.go), how long it is waited for (transport.go, download.go), how a WebSocket gets through (tunnel.go), and what
// its failures are called (failure.go).
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Options say what a [Backend] is.
type Options struct {
	URL     string        // http:// or https://, without a slash at its end and without a query; required
	Socket  string        // path of the Unix socket to connect to; "": the host of URL
	Mount   string        // decoded path of the site that is the path of URL there, with or without a slash at its end; "" or "/" is all of it
	Timeout time.Duration // for a connection, for each of its writes, and for each wait for something of the response; required
}

// A Backend is a server that requests are passed on to, with the connections that are kept for the next ones. Any
// goroutine may use it.
type Backend struct {
	url       *url.URL // its path has no slash at its end; "" is the root
	socket    string   // "": the host of url
	base      string   // that path, escaped
	length    int      // bytes of the decoded mount point, without a slash at its end
	timeout   time.Duration
	transport *http.Transport
	buffers   buffers
}

// New returns a Backend. It connects to nothing before there is a request. It fails for a URL that is none.
func New(o Options) (*Backend, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("proxy: " + o.URL + " is no URL with http or https and a host")
	}
	return &Backend{
		url:       u,
		socket:    o.Socket,
		base:      u.EscapedPath(),
		length:    len(strings.TrimSuffix(o.Mount, "/")),
		timeout:   o.Timeout,
		transport: newTransport(&o),
	}, nil
}

// String is the target as it can be written on the command line.
func (b *Backend) String() string {
	if b.socket != "" {
		return "unix:" + b.socket + "|" + b.url.String()
	}
	return b.url.String()
}

// An Origin is where a request comes from, as far as the site believes it.
type Origin struct {
	Client string // IP address, or a text that is none if that is all a proxy has told
	Proxy  string // address of the proxy that was believed about the client; "": it came by itself
	Scheme string // "http" or "https"
	Host   string // host and perhaps port, as in the Host field; "": the client has named none
	Server string // name of the site
	Port   string // decimal
	Mount  string // escaped path under which the client finds the backend's own, without a slash at its end: Options.Mount, unless a proxy has mounted the site elsewhere
	Tunnel bool   // the client wants to speak WebSocket, RFC 6455 or RFC 8441
}

// A Client is who gets the response. Its methods are called by the goroutine that has called [Backend.Forward].
type Client interface {
	http.ResponseWriter
	StopBody()                     // makes reads of the request's body fail, also one that another goroutine waits in
	FullDuplex() error             // the body is read while the response is written
	Tunnel() (ClientTunnel, error) // sends the header with the status that agrees to WebSocket; what follows is no HTTP
}

// Forward passes a request on to the backend and its response to w. It returns when the exchange is over: the response
// is complete, the tunnel is closed, or something has failed. The error is a *[Failure] then; whether a part of the
// response was sent is for the Client to know. The backend is not left working when the context of r ends.
//
// The body of r is not read any more when Forward returns, but need not have been read to its end.
func (b *Backend) Forward(w Client, r *http.Request, from *Origin) error {
	client := r.Context()
	ctx, cancel := context.WithCancel(client)
	defer cancel()
	p := &passage{backend: b, client: w, from: from, header: maps.Clone(w.Header()), cancel: cancel}
	r = r.WithContext(ctx)
	if r.Body != nil && r.ContentLength != 0 && !from.Tunnel {
		_ = w.FullDuplex() // a backend may answer while it reads
		p.upload = &upload{body: r.Body, in: r}
		r.Body = p.upload
	}
	p.run(r)
	err := p.result(client)
	p.settle(err == nil && r.ProtoMajor == 1)
	return err
}

// settle sees to it that nothing of the request's body is read any more. With patience the client may finish what it is sending,
// since on a connection of HTTP/1 nothing could follow otherwise; it has its response before.
func (p *passage) settle(patient bool) {
	switch {
	case p.upload == nil:
	case patient:
		_ = http.NewResponseController(p.client).Flush() // who takes nothing is found out by who writes next
		p.upload.stop(func() {})
	default:
		p.upload.stop(p.client.StopBody)
	}
}

// A passage is one request on its way through.
type passage struct {
	backend  *Backend
	client   Client
	from     *Origin
	header   http.Header        // what the response had before: the engine drops it with an interim response
	cancel   context.CancelFunc // ends the exchange with the backend
	upload   *upload            // nil: the request has no body
	download *download          // nil: there was no response, or it has become a tunnel
	asked    bool               // the backend was, or a connection to it was tried
	switched *http.Response     // the 101 of the backend
	failure  *Failure           // nil: so far all went well
}

// run has httputil.ReverseProxy do its work. It gives up a response that it has begun by a panic.
func (p *passage) run(r *http.Request) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	engine := httputil.ReverseProxy{
		Transport:      p,
		Rewrite:        p.rewrite,
		ModifyResponse: p.modify,
		ErrorHandler:   p.fail,
		FlushInterval:  -1,
		BufferPool:     &p.backend.buffers,
		ErrorLog:       silence, // all it would say comes back as a Failure
	}
	engine.ServeHTTP(p.client, r)
}

var silence = log.New(io.Discard, "", 0)

// RoundTrip implements http.RoundTripper for the engine. A backend that agrees to switch protocols is taken from it.
func (p *passage) RoundTrip(out *http.Request) (*http.Response, error) {
	p.asked = true
	res, err := p.backend.transport.RoundTrip(out)
	if err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		p.switched = res
		return nil, errSwitched
	}
	return res, err
}

var errSwitched = errors.New("the backend switches protocols")

// modify makes the response one of the site.
func (p *passage) modify(res *http.Response) error {
	if err := checkFields(res.Header); err != nil {
		return err
	}
	maps.Copy(p.client.Header(), p.header)
	p.backend.reverse(res.Header, p.from)
	p.download = &download{ReadCloser: res.Body, timeout: p.backend.timeout, cancel: p.cancel}
	res.Body = p.download
	return nil
}

// checkFields refuses what RFC 9110 section 5 does not have in a header, and http.Transport lets pass. HTTP/3 would reset the stream
// for it, other protocols leave it out; a backend that sends it may have been tricked into it.
func checkFields(h http.Header) error {
	for name, values := range h {
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("%.100q cannot be the name of a header field", name)
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("the header field %s has a control character in it", name)
			}
		}
	}
	return nil
}

// fail is called in place of a response.
func (p *passage) fail(_ http.ResponseWriter, out *http.Request, err error) {
	switch {
	case err == errSwitched:
		p.failure = p.tunnel(out)
	case !p.asked:
		p.failure = blame("it cannot be passed on", err)
	default:
		p.failure = p.backend.explain(err)
	}
}

// result is what has become of the request. Who has ended it is told from what was noted on the way, since an end of one
// side shows as an error of the other. The context is that of the client.
func (p *passage) result(client context.Context) error {
	d := p.download
	switch {
	case p.failure == nil && d == nil: // a tunnel
		return nil
	case p.failure != nil && p.upload.failed() != nil:
		return blame("the request's body cannot be read", p.upload.failed())
	case client.Err() != nil && (p.failure != nil || !d.whole):
		return blame("the client has left", client.Err())
	case p.failure != nil:
		return p.failure
	case d.err != nil:
		return p.backend.explainTorn(d)
	case !d.whole:
		return blame("the client has left", errNotTaken)
	}
	return nil
}

var errNotTaken = errors.New("it does not take the response")

// buffers are for the bodies of responses.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
