package server

import (
	"context"
	"crypto/tls"
)

// QUIC is what HTTP/3 needs.
type QUIC struct {
	Share              *PacketShare // the UDP socket
	Info               Info         // of the UDP socket; its Scheme is "https"
	TLS                *tls.Config
	ResetKey, TokenKey [32]byte // the same in all processes that share the socket, RFC 9000 sections 10.3.2 and 8.1.3
}

// Site is what the server knows about the hosts it serves.
type Site struct {
	Name           string   // canonical host name in lower case, without a port; "": every host is served
	Aliases        []string // further names in lower case; * and ? match as in Apache's ServerAlias
	AllowLocalhost bool     // a client on this machine may also use localhost

	// Permitted reports whether a further host is served, one for which a certificate was permitted; nil: there are none. It is
	// asked with a name in lower case by the goroutine of each request for a host that is none of the above, so it has to remember
	// its answers. Without a Name it is not asked.
	Permitted func(ctx context.Context, host string) bool

	Encrypted bool   // what comes without TLS counts as HTTPS, unless a believed proxy says otherwise: something in front decrypts it
	HTTPSOnly bool   // requests over HTTP are redirected to HTTPSPort
	HTTPSPort string // decimal; "": there is no HTTPS
	HTTP3Port string // decimal, what Alt-Svc tells clients (RFC 7838); "": there is no HTTP/3
	HSTS      string // Strict-Transport-Security of all responses over HTTPS (RFC 6797), if HTTPSOnly; "": none

	ClientCA     bool     // client certificates are asked for
	VerifyClient []string // URL paths below which one is needed; empty with ClientCA: the handshake has seen to it
}
