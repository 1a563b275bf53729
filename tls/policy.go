package tls

import (
	crypto "crypto/tls"
	"fmt"
	"slices"
	"strings"

	"gild/config"
)

// versions are Apache's names (SSLProtocol).
var versions = map[string]uint16{
	"TLSv1":   crypto.VersionTLS10,
	"TLSv1.1": crypto.VersionTLS11,
	"TLSv1.2": crypto.VersionTLS12,
	"TLSv1.3": crypto.VersionTLS13,
}

// modernSuites are the cipher suites of TLS 1.2 unless others are asked for: those with forward secrecy and authenticated
// encryption, which are also the only ones that HTTP/2 allows (RFC 9113, section 9.2.2). Those of TLS 1.3 are all
// modern and cannot be configured; nor are curves, of which crypto/tls offers X25519MLKEM768 first.
var modernSuites = []uint16{
	crypto.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	crypto.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	crypto.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	crypto.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	crypto.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	crypto.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// acmeProtocol is the ALPN name of a connection that is nothing but the proof of TLS-ALPN-01 (RFC 8737).
const acmeProtocol = "acme-tls/1"

// newPolicy is what a handshake may agree on, with the keys of session tickets.
func newPolicy(h *config.HTTPS, tickets [][32]byte) (*crypto.Config, error) {
	c := &crypto.Config{MinVersion: crypto.VersionTLS12, CipherSuites: modernSuites, NextProtos: []string{"h2", "http/1.1"}}
	if h.MinimumVersion != "" {
		c.MinVersion = versions[h.MinimumVersion]
	}
	if h.MaximumVersion != "" {
		c.MaxVersion = versions[h.MaximumVersion]
	}
	if c.MinVersion == 0 || h.MaximumVersion != "" && c.MaxVersion == 0 {
		return nil, fmt.Errorf("%q to %q is no range of versions of TLS: there are TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3", h.MinimumVersion, h.MaximumVersion)
	}
	if c.MinVersion < crypto.VersionTLS12 {
		c.CipherSuites = nil // those of crypto/tls: the older versions have no modern ones
	}
	if len(h.Ciphers) > 0 {
		var err error
		if c.CipherSuites, err = suites(h.Ciphers); err != nil {
			return nil, err
		}
	}
	c.SetSessionTicketKeys(tickets)
	return c, nil
}

// suites finds cipher suites by their IANA names.
func suites(names []string) (ids []uint16, err error) {
	known := slices.Concat(crypto.CipherSuites(), crypto.InsecureCipherSuites())
	for _, name := range names {
		at := slices.IndexFunc(known, func(s *crypto.CipherSuite) bool { return strings.EqualFold(s.Name, name) })
		if at < 0 {
			return nil, fmt.Errorf("there is no cipher suite %q", name)
		}
		ids = append(ids, known[at].ID)
	}
	return ids, nil
}
