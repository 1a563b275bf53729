package proxy

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	// idleTime is how long a connection is kept for the next request: less than the 5 s after which most servers close
	// theirs (Apache, Node.js, uvicorn, gild), so that a request seldom meets one that is just being closed. One that
	// could not be sent at all, or is safe to repeat, is sent again on another connection; any other is answered 502.
	idleTime = 4 * time.Second

	idleConnections = 512       // kept at most; each costs about 20 KB
	largestHead     = 256 << 10 // bytes of the head of a response

	// continueTime is how long the body waits for the backend to ask for it, when the client waits, too.
	continueTime = time.Second
)

// newTransport makes the connections to a backend. It speaks HTTP/1.1, as mod_proxy_http does: that is what an upgrade to
// WebSocket needs. A proxy of the environment is not used. The certificate of an https backend must be one that the
// authorities of the system vouch for.
func newTransport(o *Options) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            dialer(o),
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		ExpectContinueTimeout:  continueTime,
		IdleConnTimeout:        idleTime,
		MaxIdleConnsPerHost:    idleConnections,
		MaxResponseHeaderBytes: largestHead,
		DisableCompression:     true, // what the client accepts decides
		Protocols:              &protocols,
	}
}

// dialer connects to the host of a URL, or to the socket.
func dialer(o *Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: o.Timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if o.Socket != "" {
			network, address = "unix", o.Socket
		}
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &patient{c, o.Timeout}, nil
	}
}

// A patient connection gives the other side that much time for each write. Reads have no timer here: one is pending while
// the connection is idle, and while a request is sent.
type patient struct {
	net.Conn
	timeout time.Duration
}

// Write implements net.Conn.
func (c *patient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// CloseWrite ends what is sent, for the end of a tunnel. Connections of TCP and of Unix sockets have it.
func (c *patient) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return http.ErrNotSupported
}
