package tls

import (
	crypto "crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"gild/config"
)

// opensslCertificates are certificates that OpenSSL made, and what `openssl x509 -noout -subject -issuer -nameopt
// RFC2253,-esc_msb -serial -startdate -enddate` says about them.
func opensslCertificates(t testing.TB) (certificates map[string]*x509.Certificate, said map[string]string) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "certificates.txtar"))
	must(t, err)
	certificates, said = map[string]*x509.Certificate{}, map[string]string{}
	for _, file := range archive.Files {
		name, kind, _ := strings.Cut(file.Name, ".")
		if kind == "txt" {
			said[name] = string(file.Data)
			continue
		}
		list, err := parseCertificates(file.Data, file.Name)
		must(t, err)
		certificates[name] = list[0]
	}
	return certificates, said
}

// Names, numbers and dates are printed as OpenSSL does.
func TestVariablesLikeOpenSSL(t *testing.T) {
	certificates, said := opensslCertificates(t)
	for name, c := range certificates {
		got := map[string]string{}
		certificateVariables("", c, func(key, value string) { got[key] = value })
		text := fmt.Sprintf("subject=%s\nissuer=%s\nserial=%s\nnotBefore=%s\nnotAfter=%s\n", got["S_DN"], got["I_DN"], got["M_SERIAL"], got["V_START"], got["V_END"])
		if text != said[name] {
			t.Errorf("%s: got\n%swant\n%s", name, text, said[name])
		}
	}
}

// TestVariables shows all variables of some connections.
func TestVariables(t *testing.T) {
	certificates, _ := opensslCertificates(t)
	client, server := certificates["client"], certificates["server"]
	now := client.NotAfter.Add(-36 * time.Hour)
	var got []txtar.File
	for _, c := range []struct {
		name  string
		state crypto.ConnectionState
	}{
		{"no client certificate", crypto.ConnectionState{Version: crypto.VersionTLS13, CipherSuite: crypto.TLS_AES_128_GCM_SHA256, ServerName: "www.example.com"}},
		{"a client certificate", crypto.ConnectionState{Version: crypto.VersionTLS12, CipherSuite: crypto.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, DidResume: true,
			PeerCertificates: []*x509.Certificate{client}, VerifiedChains: [][]*x509.Certificate{{client}}}},
	} {
		var lines []string
		variables(&c.state, server, now, func(key, value string) {
			if key == "SSL_VERSION_LIBRARY" {
				value = "Go/VERSION"
			}
			lines = append(lines, key+"="+value+"\n")
		})
		got = append(got, txtar.File{Name: c.name, Data: []byte(strings.Join(lines, ""))})
	}
	golden(t, "variables.txtar", got)
}

// What a connection has no value for is left out; what it has is that of the real connection.
func TestManagerVariables(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{a.files(t.TempDir(), "site", key, a.leaf(key, []string{"a.example"}, nil))}})
	state, _, err := visit(serve(t, s.manager.TCP()), &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), MaxVersion: crypto.VersionTLS12})
	must(t, err)
	state.ServerName, state.PeerCertificates, state.VerifiedChains = "", nil, nil // as the server sees a client without SNI
	got := map[string]string{}
	s.manager.Variables(&state, func(key, value string) { got[key] = value })
	for key, want := range map[string]string{
		"SSL_PROTOCOL": "TLSv1.2", "SSL_CIPHER": "ECDHE-ECDSA-AES128-GCM-SHA256", "SSL_CLIENT_VERIFY": "NONE", "SSL_SERVER_S_DN_CN": "a.example",
		"SSL_SERVER_SAN_DNS_0": "a.example", "SSL_SERVER_A_KEY": "id-ecPublicKey", "SSL_SESSION_RESUMED": "Initial",
	} {
		if got[key] != want {
			t.Errorf("%s is %q", key, got[key])
		}
	}
	for _, key := range []string{"SSL_TLS_SNI", "SSL_CLIENT_S_DN", "HTTPS"} {
		if value, ok := got[key]; ok {
			t.Errorf("%s is %q", key, value)
		}
	}
}

// Every suite of crypto/tls has a name, and as many bits as that says.
func TestCiphersAreComplete(t *testing.T) {
	for _, suite := range slices.Concat(crypto.CipherSuites(), crypto.InsecureCipherSuites()) {
		c, known := ciphers[suite.ID]
		if !known {
			t.Errorf("%s is missing", suite.Name)
		}
		if strings.Contains(suite.Name, "256_") != (c.bits == 256) && !strings.Contains(suite.Name, "CHACHA20") {
			t.Errorf("%s has %d bits", suite.Name, c.bits)
		}
	}
}

// A name of a client can be anything that crypto/x509 lets through.
func FuzzDistinguishedName(f *testing.F) {
	certificates, _ := opensslCertificates(f)
	for _, c := range certificates {
		f.Add(c.RawSubject)
		f.Add(c.RawIssuer)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		name := parseName(der)
		text := name.rfc2253()
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("a control character in %q", text)
		}
		name.components(func(tag, _ string) {
			if tag == "" {
				t.Error("a component without a tag")
			}
		})
	})
}

// Other names are found by their type, and nothing else is taken for one.
func TestOtherNames(t *testing.T) {
	certificates, _ := opensslCertificates(t)
	for _, c := range []struct {
		name string
		kind asn1.ObjectIdentifier
		want []string
	}{
		{"client", oidUPN, []string{"alice@CORP.EXAMPLE.COM"}},
		{"client", oidSRV, nil},
		{"server", oidSRV, []string{"_https.example.com"}},
	} {
		if got := otherNames(certificates[c.name], c.kind); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q", c.name, c.kind, got)
		}
	}
}
