package tls

import (
	"context"
	gocrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	crypto "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gild/config"
	"gild/logs"
)

// diary is a log that remembers.
type diary struct {
	t     testing.TB
	mu    sync.Mutex
	lines []string
}

func (d *diary) Enabled(level logs.Level) bool { return level <= logs.Debug }

func (d *diary) Log(r logs.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := fmt.Sprintf("[%s:%s] %s", r.Module, r.Level, r.Message)
	d.lines = append(d.lines, line)
}

// all is what has been logged up to now, at that level or above.
func (d *diary) all(level logs.Level) (lines []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "[ssl:"), "]")
		if l, err := logs.ParseLevel(name); err == nil && l <= level {
			lines = append(lines, line)
		}
	}
	return lines
}

// count is how many lines contain the text.
func (d *diary) count(text string) (n int) {
	for _, line := range d.all(logs.Trace8) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// eventually waits for something to become true, as long as a test may take.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// newDiary shows what was logged if the test fails.
func newDiary(t testing.TB) *diary {
	d := &diary{t: t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", strings.Join(d.all(logs.Trace8), "\n"))
		}
	})
	return d
}

// authorityForTests issues certificates.
type authorityForTests struct {
	t    testing.TB
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthorityForTests(t testing.TB) *authorityForTests {
	key := newECKey(t)
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Test Authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(40 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	_, root, err := sign(template, template, key.Public(), key)
	must(t, err)
	return &authorityForTests{t: t, root: root, key: key}
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func newRSAKey(t testing.TB) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return key
}

// leaf is a certificate for names; change may alter what it says.
func (a *authorityForTests) leaf(key gocrypto.Signer, names []string, change func(*x509.Certificate)) *x509.Certificate {
	template := &x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if change != nil {
		change(template)
	}
	_, leaf, err := sign(template, a.root, key.Public(), a.key)
	must(a.t, err)
	return leaf
}

// files writes certificate and key into a directory of the test.
func (a *authorityForTests) files(directory, stub string, key gocrypto.Signer, leaf *x509.Certificate) config.Certificate {
	c := config.Certificate{File: filepath.Join(directory, stub+".crt"), Key: filepath.Join(directory, stub+".key")}
	writeFile(a.t, c.File, string(encodeCertificates([]*x509.Certificate{leaf})))
	writeFile(a.t, c.Key, encodeKey(a.t, key))
	return c
}

func (a *authorityForTests) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.root)
	return pool
}

func encodeKey(t testing.TB, key gocrypto.Signer) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// site is a keeper with a manager of one configuration.
type site struct {
	t       *testing.T
	log     *diary
	config  *config.Config
	keeper  *Keeper
	vault   *Vault
	manager *Manager
}

// newSite opens what h asks for.
func newSite(t *testing.T, h *config.HTTPS) *site {
	t.Helper()
	s := &site{t: t, log: newDiary(t), config: &config.Config{HTTPS: h, User: "nobody"}}
	s.keeper = NewKeeper(s.log)
	s.keeper.period = 10 * time.Millisecond
	s.vault = s.open(s.keeper)
	s.manager = s.process(settings{}, nil)
	return s
}

func (s *site) open(k *Keeper) *Vault {
	s.t.Helper()
	v, err := k.Vault(s.config)
	must(s.t, err)
	s.t.Cleanup(func() { v.Close() })
	return v
}

// process is another manager of the site, as another process would have it.
func (s *site) process(settings settings, permit func(context.Context, string) error) *Manager {
	s.t.Helper()
	m, err := open(Options{Config: s.config, Vault: s.vault.File(), Log: s.log, Permit: permit}, settings)
	must(s.t, err)
	m.period = 10 * time.Millisecond
	s.t.Cleanup(m.Close)
	return m
}

// run watches the files until the end of the test.
func (s *site) run() {
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { s.keeper.Run(ctx) })
	s.t.Cleanup(func() { stop(); done.Wait() })
}

// serve answers handshakes of server with a line of text.
func serve(t testing.TB, server *crypto.Config) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	serveOn(t, l, server)
	return l.Addr().String()
}

func serveOn(t testing.TB, l net.Listener, server *crypto.Config) {
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { greet(crypto.Server(c, server)) })
		}
	})
	t.Cleanup(func() { l.Close(); done.Wait() })
}

// greet says which kind of client certificate it has got.
func greet(c *crypto.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if c.Handshake() != nil {
		return
	}
	state := c.ConnectionState()
	fmt.Fprintf(c, "verified=%t resumed=%t", len(state.VerifiedChains) > 0, state.DidResume)
}

// visit does a handshake and returns the connection's state and the greeting.
func visit(address string, client *crypto.Config) (crypto.ConnectionState, string, error) {
	dialer := crypto.Dialer{NetDialer: &net.Dialer{Timeout: 20 * time.Second}, Config: client}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return crypto.ConnectionState{}, "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	text := make([]byte, 100)
	n, err := conn.Read(text)
	if n > 0 {
		err = nil // the end may come with the text
	}
	return conn.(*crypto.Conn).ConnectionState(), string(text[:n]), err
}

// subject is the names of the certificate that a server has for a host; "" if there is none.
func subject(address, host string) []string {
	state, _, err := visit(address, &crypto.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		return nil
	}
	names := slices.Clone(state.PeerCertificates[0].DNSNames)
	for _, ip := range state.PeerCertificates[0].IPAddresses {
		names = append(names, ip.String())
	}
	return slices.Sorted(slices.Values(names))
}
