package tls

import (
	crypto "crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
)

// source is where the certificate of a connection comes from.
type source interface {
	// certificate answers a handshake. An error with errRefused in its chain is the alert unrecognized_name (RFC 6066), see
	// Manager.choose.
	certificate(hello *crypto.ClientHelloInfo) (*crypto.Certificate, error)
	// leaf is the certificate that was chosen for a connection, or is now for one like it; nil: nobody knows.
	leaf(s *crypto.ConnectionState) *x509.Certificate
}

// pairs are certificates from files. The first one is for clients that name no host, or one that none is made for, as the
// first virtual host is with Apache.
type pairs []*crypto.Certificate

// newPairs takes what a vault has.
func newPairs(all []pair) (pairs, error) {
	var list pairs
	for _, p := range all {
		certificate, err := crypto.X509KeyPair(p.Chain, p.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate of %s: %w", p.File, err)
		}
		list = append(list, &certificate)
	}
	return list, nil
}

// certificate chooses by name, then by what the client can verify: of an RSA and an ECDSA certificate for one name, the
// first that suits it.
func (p pairs) certificate(hello *crypto.ClientHelloInfo) (*crypto.Certificate, error) {
	if len(p) == 1 {
		return p[0], nil
	}
	if c := p.suitable(hello); c != nil {
		return c, nil
	}
	nameless := *hello
	nameless.ServerName = ""
	if c := p.suitable(&nameless); c != nil {
		return c, nil
	}
	return p[0], nil
}

func (p pairs) suitable(hello *crypto.ClientHelloInfo) *crypto.Certificate {
	for _, c := range p {
		if hello.SupportsCertificate(c) == nil {
			return c
		}
	}
	return nil
}

// leaf goes by the name, then by the algorithm of the cipher suite, which TLS 1.3 does not have.
func (p pairs) leaf(s *crypto.ConnectionState) *x509.Certificate {
	for _, fits := range []func(*x509.Certificate) bool{
		func(c *x509.Certificate) bool {
			return c.VerifyHostname(s.ServerName) == nil && signs(c, s.CipherSuite)
		},
		func(c *x509.Certificate) bool { return signs(c, s.CipherSuite) },
	} {
		for _, c := range p {
			if fits(c.Leaf) {
				return c.Leaf
			}
		}
	}
	return p[0].Leaf
}

// signs says whether the key of the certificate can be the one of a cipher suite.
func signs(c *x509.Certificate, suite uint16) bool {
	name := crypto.CipherSuiteName(suite)
	switch {
	case strings.Contains(name, "_ECDSA_"):
		return c.PublicKeyAlgorithm != x509.RSA // Ed25519 goes by the same name, RFC 8422 section 5.5
	case strings.Contains(name, "_RSA_"):
		return c.PublicKeyAlgorithm == x509.RSA
	}
	return true
}
