package integration

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// session is one HTTP/2 or HTTP/3 connection. It repeats nothing on its own account, and takes no request for another
// connection.
type session struct {
	http.RoundTripper
	scheme string
	ended  func() bool // the connection is over
	Close  func() error
	state  tls.ConnectionState // of a secure one
}

// newH2Session speaks HTTP/2 on a connection, which may be a *tls.Conn that has agreed on it.
func newH2Session(c net.Conn) (*session, error) {
	t := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	dial := func(context.Context, string, string) (net.Conn, error) { return c, nil }
	s := &session{scheme: "http"}
	if secured, ok := c.(*tls.Conn); ok {
		t.Protocols.SetHTTP2(true)
		t.DialTLSContext = dial
		s.scheme, s.state = "https", secured.ConnectionState()
	} else {
		t.Protocols.SetUnencryptedHTTP2(true)
		t.DialContext = dial
	}
	client, err := t.NewClientConn(context.Background(), s.scheme, c.RemoteAddr().String())
	if err != nil {
		return nil, err
	}
	s.RoundTripper, s.Close = client, client.Close
	s.ended = func() bool { return client.Err() != nil }
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
		ended: func() bool { return c.Context().Err() != nil },
		Close: func() error { return c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") },
	}, nil
}
