package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"gild/logs"
	"gild/server/proxy"
)

// proxyHandler is for the log's %R, Apache's name.
const proxyHandler = "proxy-server"

// passing passes requests on to one backend.
type passing struct{ *Proxy }

// ServeHTTP implements http.Handler.
func (p passing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := From(w)
	from := x.introduction(p.Proxy)
	x.Handler = proxyHandler
	if x.protocol != "" && !from.Tunnel {
		x.Error(http.StatusNotImplemented) // RFC 9220 section 3
		return
	}
	ctx, stop := x.untilGone(from.Tunnel)
	defer stop()
	if err := p.Backend.Forward(x, r.WithContext(ctx), from); err != nil {
		x.passingFailed(p.Proxy, err)
	}
	x.finishBody()
}

// finishBody reads what is left of the body of a request of HTTP/1, within bounds, when the response is out. net/http must not come
// upon the end of the body after the handler has returned: it would begin to watch the connection while it reads the
// next request from it (golang.org/issue/68560).
func (x *Exchange) finishBody() {
	if x.Request.ProtoMajor == 1 && x.body.ReadCloser != nil {
		_ = x.FlushError() // a client that is gone is found out by who writes next
		_ = x.Request.Body.Close()
	}
}

// passingFailed answers for a backend that has not, and says why in the log. A client that has left is nothing to complain
// of.
func (x *Exchange) passingFailed(p *Proxy, err error) {
	var failure *proxy.Failure
	status, level := http.StatusBadGateway, logs.Error
	if errors.As(err, &failure) {
		status = failure.Status
	}
	if failure != nil && failure.Client {
		level, status = logs.Debug, max(status, x.body.status())
	}
	x.logAs("proxy", level, fmt.Sprintf("The backend %s of %s %s: %v", p.Backend, x.Request.Method, x.Request.URL.Path, err))
	if x.Sent() {
		x.Abort(err)
		return
	}
	x.Error(status)
}

// introduction is what a backend is told of the client.
func (x *Exchange) introduction(p *Proxy) *proxy.Origin {
	o := &proxy.Origin{
		Client: x.Client(),
		Scheme: x.Scheme(),
		Host:   x.Request.Host,
		Server: cmp.Or(x.ServerName(), x.canonicalName(), x.host),
		Port:   x.ServerPort(),
		Mount:  x.public((&url.URL{Path: strings.TrimSuffix(p.Mount, "/")}).EscapedPath()),
		Tunnel: x.wantsWebSocket(),
	}
	if peer, _, err := net.SplitHostPort(x.PeerAddr()); err == nil && peer != o.Client {
		o.Proxy = peer
	}
	return o
}

// untilGone is the context of the request, which ends when the client leaves. A tunnel ends with the hurry of Shutdown, too: it
// would never be over otherwise. Call stop when it is not needed any more.
func (x *Exchange) untilGone(tunnel bool) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(x.Request.Context())
	stops := []func(){cancel}
	if c, ok := x.carrier.(*conn); ok {
		stops = append(stops, x.server.departures.watch(c.socket, cancel))
	}
	if tunnel {
		ignored := context.AfterFunc(x.server.hurried, cancel)
		stops = append(stops, func() { ignored() })
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
	}
}
