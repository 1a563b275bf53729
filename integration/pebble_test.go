package integration

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pebble is a certificate authority to test against: Pebble of Let's Encrypt, which rejects a third of the nonces it is shown for
// no reason, as the standard allows; and the name server that it asks, for which every name is this machine.
type pebble struct {
	t          *testing.T
	program    string // its path
	dir        string
	port       int // of the ACME directory
	management int
	names      int // port of the name server's own management
	dns        int
	ca         string // file of the authority of Pebble's own certificate
	client     *http.Client
	process    *companion
}

// newPebble prepares a Pebble that looks for challenges on the ports of a gild, and runs its name server. Pebble does not run
// yet.
func newPebble(t *testing.T, g *gild) *pebble {
	t.Helper()
	a := newAuthority(t)
	p := &pebble{t: t, program: tool(t, "pebble"), dir: t.TempDir(), client: a.client(),
		port: freePort(t), management: freePort(t), names: freePort(t), dns: freePort(t)}
	p.ca = a.write(filepath.Join(p.dir, "ca.pem"))
	a.issue(filepath.Join(p.dir, "pebble"), ellipticKey(t), "localhost", "127.0.0.1")
	p.configure(g)
	accompany(t, exec.Command(tool(t, "pebble-challtestsrv"), "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "",
		"-dnsserver", local(p.dns), "-management", local(p.names), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""))
	return p
}

// local is the address of a port of this machine.
func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// configure writes Pebble's configuration.
func (p *pebble) configure(g *gild) {
	p.t.Helper()
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": local(p.port), "managementListenAddress": local(p.management),
		"certificate": filepath.Join(p.dir, "pebble.crt"), "privateKey": filepath.Join(p.dir, "pebble.key"),
		"httpPort": g.port, "tlsPort": g.https, "keyAlgorithm": "ecdsa",
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "ninety days", "validityPeriod": 90 * 86400}},
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	write(p.t, p.dir, "pebble.json", string(text))
}

// options lead a gild to this authority.
func (p *pebble) options() []string {
	return []string{"--acme-directory", fmt.Sprintf("https://127.0.0.1:%d/dir", p.port), "--acme-ca-root", p.ca,
		"--https-port", "$HTTPS"}
}

// start runs Pebble.
func (p *pebble) start() {
	p.t.Helper()
	cmd := exec.Command(p.program, "-config", filepath.Join(p.dir, "pebble.json"), "-dnsserver", local(p.dns))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=33")
	p.process = accompany(p.t, cmd)
	err := retry(func() error {
		_, err := p.root()
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// root asks for the certificate that Pebble has made for itself to issue others.
func (p *pebble) root() (string, error) {
	return fetch(p.client, fmt.Sprintf("https://localhost:%d/roots/0", p.management))
}

// visitor is a client that trusts this authority.
func (p *pebble) visitor() *http.Client {
	p.t.Helper()
	text, err := p.root()
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		p.t.Fatalf("no certificate: %q", text)
	}
	return trusting(p.t, pool)
}

// issued is how many certificates Pebble has issued.
func (p *pebble) issued() int {
	return strings.Count(p.process.output.String(), "Issued certificate serial")
}

// point lets the name server answer with an address for a name, and with no other.
func (p *pebble) point(name, address string) {
	p.t.Helper()
	p.manageNames("clear-a", map[string]any{"host": name})
	p.manageNames("add-a", map[string]any{"host": name, "addresses": []string{address}})
}

// manageNames tells the name server something.
func (p *pebble) manageNames(verb string, what map[string]any) {
	p.t.Helper()
	text, err := json.Marshal(what)
	if err != nil {
		p.t.Fatal(err)
	}
	err = retry(func() error {
		answer, err := http.Post("http://"+local(p.names)+"/"+verb, "application/json", bytes.NewReader(text))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the name server answers %s", answer.Status)
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}
