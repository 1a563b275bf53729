package tls

import (
	"bytes"
	crypto "crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pebble is Let's Encrypt's server for tests, with its injection of failures on: a fifth of the nonces are refused, and
// no authorization is used twice.
type pebble struct {
	t                   *testing.T
	directory           string // URL
	management          string // URL
	authorities         string // PEM file for --acme-ca-root
	http                *http.Client
	httpPort, tlsPort   int // where it looks for proofs
	address, dns, files string
	config              pebbleConfig
	said                *output
}

// pebbleConfig is what changes from test to test.
type pebbleConfig struct {
	validity time.Duration // of certificates; 0: 90 days
	ocsp     string        // URL of the responder; "": none
}

// tool finds a program in the directory GILD_TOOLS, which build/env.sh sets once the tools are installed.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("GILD_TOOLS"), name)
	if _, err := os.Stat(path); err != nil || os.Getenv("GILD_TOOLS") == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: GILD_TOOLS=%q", name, os.Getenv("GILD_TOOLS"))
		}
		t.Skipf("%s is not installed: make test installs it and sets GILD_TOOLS", name)
	}
	return path
}

// newPebble prepares an authority that looks for proofs at the two ports. It is not there before start.
func newPebble(t *testing.T, httpPort, tlsPort int, c pebbleConfig) *pebble {
	t.Helper()
	p := &pebble{t: t, httpPort: httpPort, tlsPort: tlsPort, config: c, files: t.TempDir(), said: new(output)}
	a, key := newAuthorityForTests(t), newECKey(t)
	a.files(p.files, "pebble", key, a.leaf(key, []string{"pebble"}, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }))
	p.authorities = filepath.Join(p.files, "authorities.pem")
	writeFile(t, p.authorities, string(encodeCertificates([]*x509.Certificate{a.root})))
	p.http = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &crypto.Config{RootCAs: a.pool()}}}
	p.address = freeAddress(t)
	p.directory = "https://" + p.address + "/dir"
	return p
}

// start runs the authority until the end of the test.
func (p *pebble) start() {
	p.t.Helper()
	p.dns = freeAddress(p.t)
	run(p.t, new(output), nil, tool(p.t, "pebble-challtestsrv"), "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "",
		"-management", freeAddress(p.t), "-dnsserver", p.dns)
	management := freeAddress(p.t)
	p.management = "https://" + management
	validity := p.config.validity
	if validity == 0 {
		validity = 90 * 24 * time.Hour
	}
	kind := "ecdsa"
	if p.config.ocsp != "" {
		kind = "rsa" // it hands out no other keys of its authority, which a responder needs
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": p.address, "managementListenAddress": management,
		"certificate": filepath.Join(p.files, "pebble.crt"), "privateKey": filepath.Join(p.files, "pebble.key"),
		"httpPort": p.httpPort, "tlsPort": p.tlsPort, "ocspResponderURL": p.config.ocsp, "keyAlgorithm": kind,
		"retryAfter": map[string]int{"authz": 0, "order": 0},
		"profiles":   map[string]any{"default": map[string]any{"description": "default", "validityPeriod": int(validity / time.Second)}},
	}})
	must(p.t, err)
	config := filepath.Join(p.files, "config.json")
	writeFile(p.t, config, string(text))
	environment := append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20", "PEBBLE_AUTHZREUSE=0")
	run(p.t, p.said, environment, tool(p.t, "pebble"), "-config", config, "-dnsserver", p.dns, "-strict")
	eventually(p.t, "the authority", func() bool {
		response, err := p.http.Get(p.directory)
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
}

// issued is how many certificates there have been.
func (p *pebble) issued() int { return strings.Count(p.said.String(), "Issued certificate serial") }

// orders is how many orders there have been, whatever became of them.
func (p *pebble) orders() int { return strings.Count(p.said.String(), "Added order ") }

// get asks the management interface.
func (p *pebble) get(path string) ([]byte, error) {
	response, err := p.http.Get(p.management + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return text, err
}

// roots are those of the certificates that are issued.
func (p *pebble) roots() *x509.CertPool {
	text, err := p.get("/roots/0")
	must(p.t, err)
	return newPool(text)
}

// freeAddress is an address that nobody listens on now.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// portOf is the port of a listener.
func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// run starts a program that ends with the test.
func run(t *testing.T, out *output, environment []string, name string, arguments ...string) {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Stdout, command.Stderr, command.Env = out, out, environment
	must(t, command.Start())
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), out)
		}
	})
}

// output is what a program has written up to now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serial is the number of a certificate as it stands in URLs of the authority.
func serial(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }
