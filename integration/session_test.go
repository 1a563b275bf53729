package integration

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
)

// session is one HTTP/2 or HTTP/3 connection. It repeats nothing on its own account, and takes no request for another
// connection.
type session struct {
	http.RoundTripper
	scheme string
	ended  func() bool // the connection is over
	Close  func() error
	state  tls.ConnectionState                    // of a secure one
	extend func(r *http.Request, protocol string) // makes an extended CONNECT of a request (RFC 8441, RFC 9220)
}

// newH2Session speaks HTTP/2 on a connection, which may be a *tls.Conn that has agreed on it.
func newH2Session(c net.Conn) (*session, error) {
	//lint:ignore SA1019 http.Transport, which is to be used instead, lets nobody send :protocol
	client, err := (&http2.Transport{DisableCompression: true, AllowHTTP: true, StrictMaxConcurrentStreams: true}).NewClientConn(c)
	if err != nil {
		return nil, err
	}
	s := &session{RoundTripper: client, scheme: "http", Close: client.Close}
	if secured, ok := c.(*tls.Conn); ok {
		s.scheme, s.state = "https", secured.ConnectionState()
	}
	s.ended = func() bool { return client.State().Closed }
	s.extend = func(r *http.Request, protocol string) { r.Header[":protocol"] = []string{protocol} }
	return s, nil
}

// newH3Session connects by QUIC.
func newH3Session(ctx context.Context, address string, config *tls.Config) (*session, error) {
	c, err := quic.DialAddr(ctx, address, config, nil)
	if err != nil {
		return nil, err
	}
	t := &http3.Transport{DisableCompression: true}
	return &session{
		RoundTripper: t.NewClientConn(c), scheme: "https", state: c.ConnectionState().TLS,
		ended:  func() bool { return c.Context().Err() != nil },
		extend: func(r *http.Request, protocol string) { r.Proto = protocol },
		Close:  func() error { return c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") },
	}, nil
}
