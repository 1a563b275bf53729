package main

import (
	"context"
	"crypto/tls"
	"net"
)

// endpoint is where requests are sent.
type endpoint struct {
	Address string // host:port
	Secure  bool   // over TLS
}

func (e endpoint) url(path string) string {
	if e.Secure {
		return "https://" + e.Address + path
	}
	return "http://" + e.Address + path
}

// dial opens a connection for HTTP/1.1. Over TLS it is the handshake of a client that has never been there: TLS 1.3,
// no session to resume, X25519, which every server here knows, so that all of them do the same arithmetic. The
// certificate is the benchmark's own and not checked: that would be the client's work.
func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	if !e.Secure {
		return new(net.Dialer).DialContext(ctx, "tcp", e.Address)
	}
	return (&tls.Dialer{Config: newcomer("http/1.1")}).DialContext(ctx, "tcp", e.Address)
}

// newcomer is what dial says of a client, for the protocols given by their names in ALPN.
func newcomer(protocols ...string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: protocols,
		InsecureSkipVerify: true}
}
