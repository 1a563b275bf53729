package tls

import (
	crypto "crypto/tls"
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gild/config"
)

// The certificate is chosen by name, then by what the client can verify; the first one is for everybody else.
func TestPairsChoice(t *testing.T) {
	a, directory, ec, rsa := newAuthorityForTests(t), t.TempDir(), newECKey(t), newRSAKey(t)
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{
		a.files(directory, "one-ec", ec, a.leaf(ec, []string{"one.example"}, nil)),
		a.files(directory, "one-rsa", rsa, a.leaf(rsa, []string{"one.example"}, nil)),
		a.files(directory, "two", ec, a.leaf(ec, []string{"two.example", "*.two.example"}, nil)),
	}})
	address := serve(t, s.manager.TCP())
	onlyRSA := []uint16{crypto.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	for _, c := range []struct {
		host, want string
		suites     []uint16 // of TLS 1.2; nil: TLS 1.3
		kind       x509.PublicKeyAlgorithm
	}{
		{"one.example", "one.example", nil, x509.ECDSA},
		{"one.example", "one.example", onlyRSA, x509.RSA},
		{"ONE.example", "one.example", nil, x509.ECDSA},
		{"two.example", "two.example", nil, x509.ECDSA},
		{"www.two.example", "two.example", nil, x509.ECDSA},
		{"three.example", "one.example", nil, x509.ECDSA},
		{"three.example", "one.example", onlyRSA, x509.RSA},
		{"", "one.example", nil, x509.ECDSA},
	} {
		client := &crypto.Config{ServerName: c.host, InsecureSkipVerify: true, CipherSuites: c.suites}
		if c.suites != nil {
			client.MaxVersion = crypto.VersionTLS12
		}
		state, _, err := visit(address, client)
		if err != nil {
			t.Errorf("%q: %v", c.host, err)
			continue
		}
		leaf := state.PeerCertificates[0]
		if leaf.DNSNames[0] != c.want || leaf.PublicKeyAlgorithm != c.kind {
			t.Errorf("%q got a certificate for %v of kind %v", c.host, leaf.DNSNames, leaf.PublicKeyAlgorithm)
		}
		state.ServerName = c.host
		if said := s.manager.state.Load().source.leaf(&state); !said.Equal(leaf) {
			t.Errorf("%q: the application would be told of a certificate for %v of kind %v", c.host, said.DNSNames, said.PublicKeyAlgorithm)
		}
	}
}

// TestPolicy: which versions, suites and protocols a client gets.
func TestPolicy(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	files := []config.Certificate{a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))}
	cbc := crypto.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	for _, c := range []struct {
		name   string
		config config.HTTPS
		client *crypto.Config
		want   string // version, suite, protocol; or the error
	}{
		{"all that is modern", config.HTTPS{}, &crypto.Config{NextProtos: []string{"http/1.1", "h2"}}, "TLS 1.3 TLS_AES_128_GCM_SHA256 h2"},
		{"HTTP/1.1", config.HTTPS{}, &crypto.Config{NextProtos: []string{"http/1.1"}}, "TLS 1.3 TLS_AES_128_GCM_SHA256 http/1.1"},
		{"no ALPN", config.HTTPS{}, &crypto.Config{}, "TLS 1.3 TLS_AES_128_GCM_SHA256 "},
		{"unknown protocol", config.HTTPS{}, &crypto.Config{NextProtos: []string{"irc"}}, "no application protocol"},
		{"challenge, but certificates are from files", config.HTTPS{}, &crypto.Config{NextProtos: []string{"acme-tls/1"}}, "no application protocol"},
		{"TLS 1.2", config.HTTPS{}, &crypto.Config{MaxVersion: crypto.VersionTLS12}, "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "},
		{"TLS 1.1", config.HTTPS{}, &crypto.Config{MinVersion: crypto.VersionTLS10, MaxVersion: crypto.VersionTLS11}, "protocol version not supported"},
		{"TLS 1.1, asked for", config.HTTPS{MinimumVersion: "TLSv1.1", Ciphers: []string{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}},
			&crypto.Config{MinVersion: crypto.VersionTLS10, MaxVersion: crypto.VersionTLS11}, "TLS 1.1 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA "},
		{"TLS 1.1, asked for without suites", config.HTTPS{MinimumVersion: "TLSv1"},
			&crypto.Config{MinVersion: crypto.VersionTLS10, MaxVersion: crypto.VersionTLS11}, "TLS 1.1 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA "},
		{"TLS 1.2, but 1.3 is asked for", config.HTTPS{MinimumVersion: "TLSv1.3"}, &crypto.Config{MaxVersion: crypto.VersionTLS12}, "protocol version not supported"},
		{"TLS 1.3, but 1.2 is asked for", config.HTTPS{MaximumVersion: "TLSv1.2"}, &crypto.Config{}, "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "},
		{"CBC", config.HTTPS{}, &crypto.Config{MaxVersion: crypto.VersionTLS12, CipherSuites: []uint16{cbc}}, "handshake failure"},
		{"CBC, asked for", config.HTTPS{Ciphers: []string{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"}}, &crypto.Config{MaxVersion: crypto.VersionTLS12, CipherSuites: []uint16{cbc}}, "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA "},
	} {
		c.config.Certificates = files
		s := newSite(t, &c.config)
		c.client.ServerName, c.client.RootCAs = "a.example", a.pool()
		state, _, err := visit(serve(t, s.manager.TCP()), c.client)
		got := strings.Join([]string{crypto.VersionName(state.Version), crypto.CipherSuiteName(state.CipherSuite), state.NegotiatedProtocol}, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// TestPolicyErrors: what no version or suite is called.
func TestPolicyErrors(t *testing.T) {
	for _, h := range []config.HTTPS{{MinimumVersion: "SSLv3"}, {MaximumVersion: "TLSv1.4"}, {Ciphers: []string{"ECDHE-RSA-AES128-SHA"}}} {
		if _, err := newPolicy(&h, [][32]byte{{}}); err == nil {
			t.Errorf("%+v is accepted", h)
		}
	}
}

// What QUIC agrees on differs in nothing but the protocol.
func TestManagerQUIC(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	s := newSite(t, &config.HTTPS{MaximumVersion: "TLSv1.2", Certificates: []config.Certificate{a.files(t.TempDir(), "site", key, a.leaf(key, []string{"a.example"}, nil))}})
	address := serve(t, s.manager.QUIC())
	state, _, err := visit(address, &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), NextProtos: []string{"h3"}})
	if err != nil || state.NegotiatedProtocol != "h3" || state.Version != crypto.VersionTLS13 {
		t.Errorf("%v: %q, %s", err, state.NegotiatedProtocol, crypto.VersionName(state.Version))
	}
	if _, _, err := visit(address, &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), NextProtos: []string{"h2"}}); err == nil {
		t.Error("HTTP/2 is agreed on")
	}
}

// TestClients: who gets in with which certificate, if they are needed everywhere or somewhere.
func TestClients(t *testing.T) {
	a, other, directory, key := newAuthorityForTests(t), newAuthorityForTests(t), t.TempDir(), newECKey(t)
	authorities := filepath.Join(directory, "clients.pem")
	writeFile(t, authorities, string(encodeCertificates([]*x509.Certificate{a.root})))
	middleKey := newECKey(t)
	middle := a.leaf(middleKey, []string{"Middle"}, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage, c.DNSNames = true, true, x509.KeyUsageCertSign, nil, nil
	})
	below := &authorityForTests{t: t, root: middle, key: middleKey}
	chain := func(leaf *x509.Certificate, more ...*x509.Certificate) []crypto.Certificate {
		c := crypto.Certificate{PrivateKey: key}
		for _, one := range append([]*x509.Certificate{leaf}, more...) {
			c.Certificate = append(c.Certificate, one.Raw)
		}
		return []crypto.Certificate{c}
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	files := []config.Certificate{a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))}
	for _, c := range []struct {
		name                  string
		certificates          []crypto.Certificate
		everywhere, somewhere string // the greeting; "" is a refusal
	}{
		{"none", nil, "", "verified=false"},
		{"a good one", chain(a.leaf(key, []string{"alice"}, nil)), "verified=true", "verified=true"},
		{"one that has expired", chain(a.leaf(key, []string{"alice"}, expired)), "", ""},
		{"one of another authority", chain(other.leaf(key, []string{"alice"}, nil)), "", ""},
		{"one of an authority in between", chain(below.leaf(key, []string{"alice"}, nil), middle), "", ""},
	} {
		for _, where := range []struct {
			paths []string
			want  string
		}{{nil, c.everywhere}, {[]string{"/admin"}, c.somewhere}} {
			s := newSite(t, &config.HTTPS{Certificates: files, ClientCA: authorities, VerifyClient: where.paths})
			client := &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), GetClientCertificate: func(*crypto.CertificateRequestInfo) (*crypto.Certificate, error) {
				if c.certificates == nil {
					return new(crypto.Certificate), nil
				}
				return &c.certificates[0], nil
			}}
			_, text, err := visit(serve(t, s.manager.TCP()), client)
			if (err != nil) != (where.want == "") || !strings.HasPrefix(text, where.want) {
				t.Errorf("%s, needed below %v: %q, %v", c.name, where.paths, text, err)
			}
		}
	}
}

// A file of authorities that changes is picked up as well.
func TestClientsChangedAuthorities(t *testing.T) {
	a, other, directory, key := newAuthorityForTests(t), newAuthorityForTests(t), t.TempDir(), newECKey(t)
	authorities := filepath.Join(directory, "clients.pem")
	writeFile(t, authorities, string(encodeCertificates([]*x509.Certificate{other.root})))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))}, ClientCA: authorities})
	s.run()
	s.manager.Start()
	address := serve(t, s.manager.TCP())
	leaf := a.leaf(key, []string{"alice"}, nil)
	client := &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), Certificates: []crypto.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}}}
	if _, _, err := visit(address, client); err == nil {
		t.Error("accepted before its authority was")
	}
	writeFile(t, authorities, string(encodeCertificates([]*x509.Certificate{other.root, a.root})))
	eventually(t, "the client to be let in", func() bool { _, _, err := visit(address, client); return err == nil })
}

// What a caller does to its configuration changes no other.
func TestManagerConfigurationsAreSeparate(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{a.files(t.TempDir(), "site", key, a.leaf(key, []string{"a.example"}, nil))}})
	tcp, quic := s.manager.TCP(), s.manager.QUIC()
	if !slices.Equal(tcp.NextProtos, []string{"h2", "http/1.1"}) || !slices.Equal(quic.NextProtos, []string{"h3"}) {
		t.Errorf("%v and %v", tcp.NextProtos, quic.NextProtos)
	}
	if s.manager.TCP() == tcp {
		t.Error("two callers get the same configuration")
	}
}
