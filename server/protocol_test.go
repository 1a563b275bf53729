package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// testCertificate is for 127.0.0.1 and site.example, and its own authority.
var testCertificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"site.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

// overTLS makes the listener one of HTTPS.
func overTLS(o *Options) {
	o.Listeners[0].Info.Scheme = "https"
	o.TLS = &tls.Config{Certificates: []tls.Certificate{testCertificate()}, NextProtos: []string{"h2", "http/1.1", "acme-tls/1"}}
}

// tlsClient trusts the certificate, and offers protocols.
func tlsClient(protocols ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(testCertificate().Leaf)
	return &tls.Config{RootCAs: pool, NextProtos: protocols}
}

// A way is how a request gets to the server.
type way struct {
	name, scheme string
	proto        string // what the requests say
	options      func(*Options)
	protocols    func(*http.Protocols)
}

var ways = []way{
	{"h1", "http", "HTTP/1.1", func(*Options) {}, func(p *http.Protocols) { p.SetHTTP1(true) }},
	{"h1 beside h2c", "http", "HTTP/1.1", func(o *Options) { o.H2C = true }, func(p *http.Protocols) { p.SetHTTP1(true) }},
	{"h1 over TLS", "https", "HTTP/1.1", overTLS, func(p *http.Protocols) { p.SetHTTP1(true) }},
	{"h2c", "http", "HTTP/2.0", func(o *Options) { o.H2C = true }, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
	{"h2", "https", "HTTP/2.0", overTLS, func(p *http.Protocols) { p.SetHTTP2(true) }},
}

// client returns one that goes this way. Its connections end with the test.
func (w *way) client(t testing.TB) *http.Client {
	var protocols http.Protocols
	w.protocols(&protocols)
	transport := &http.Transport{Protocols: &protocols, TLSClientConfig: tlsClient(), DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// conversations are requests, as METHOD PATH and a body, and what comes back in whatever protocol. %p is the protocol.
var conversations = []struct{ request, body, want string }{
	{"GET /hello", "", `200 text/plain length 12 "Hello World!"`},
	{"HEAD /hello", "", `200 text/plain length 12 ""`},
	{"POST /echo", "some", `200 text/plain length 35 "POST 4 bytes, sum 436, error <nil>\n"`},
	{"POST /echo", strings.Repeat("x", 300_000), `200 text/plain length 45 "POST 300000 bytes, sum 36000000, error <nil>\n"`},
	{"PUT /echo", "", `200 text/plain length 32 "PUT 0 bytes, sum 0, error <nil>\n"`},
	{"GET /twice", "", `200 text/plain length -1 "one\ntwo\n"`},
	{"GET /nothing", "", `200  length 0 ""`},
	{"GET /204", "", `204  length 0 ""`},
	{"GET /304", "", `304  length 0 ""`},
	{"GET /long", "", `200 text/plain length 4 "some"`},
	{"GET /short", "", `200 text/plain length 10 "some" torn`},
	{"GET /abort-late", "", `200 text/plain length -1 "some" torn`},
	{"GET /abort-length", "", `200 text/plain length 10 "some" torn`},
	{"GET /panic-late", "", `200 text/plain length -1 "some" torn`},
	{"GET /abort", "", `500 text/html; charset=iso-8859-1 page of its length`},
	{"GET /panic", "", `500 text/html; charset=iso-8859-1 page of its length`},
	{"GET /error-403", "", `403 text/html; charset=iso-8859-1 page of its length`},
	{"GET /missing/%2f", "", `404 text/html; charset=iso-8859-1 page of its length`},
	{"TRACE /", "", `405 text/html; charset=iso-8859-1 page of its length`},
	{"OPTIONS *", "", `200  length 0 ""`},
	{"POST /early", strings.Repeat("x", 1<<20), `200 text/plain length 2 "no"`},
	{"GET /stream", "", `200 text/plain length -1 3000000 bytes`},
	{"GET /protocol", "", `200 text/plain length -1 "%p"`},
}

// TestConversations: the handler cannot tell how a request came, nor the client what it lost by it.
func TestConversations(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, converse, w.options)
			client := w.client(t)
			for _, c := range conversations {
				got, err := s.converse(client, w.scheme, c.request, c.body)
				if want := strings.ReplaceAll(c.want, "%p", w.proto+" "+w.scheme); err != nil || got != want {
					t.Errorf("%s with %d bytes:\n got %s, error %v\nwant %s", c.request, len(c.body), got, err, want)
				}
			}
		})
	}
}

// converse is answer and what is long.
func converse(w http.ResponseWriter, r *http.Request) {
	x := From(w)
	switch r.URL.Path {
	case "/stream":
		for range 300 {
			x.say("", strings.Repeat("x", 10_000))
		}
	case "/protocol":
		scheme := x.Listener().Scheme
		if (x.TLS() != nil) != (scheme == "https") {
			scheme = "with the wrong TLS state"
		}
		x.say("", r.Proto+" "+scheme)
	default:
		answer(w, r)
	}
}

// converse sends a request and describes the response.
func (r *running) converse(client *http.Client, scheme, request, body string) (string, error) {
	method, path, _ := strings.Cut(request, " ")
	target := scheme + "://" + r.addr + path
	if path == "*" {
		target = scheme + "://" + r.addr
	}
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if path == "*" {
		req.URL.Path, req.URL.Opaque = "", "*"
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return describeResponse(resp, text, err), nil
}

// describeResponse is a response in a line.
func describeResponse(resp *http.Response, body []byte, err error) string {
	length := resp.ContentLength
	if length < 0 && len(body) == 0 && err == nil {
		length = 0 // HTTP/1 says so, and HTTP/2 may have said nothing
	}
	line := fmt.Sprintf("%d %s length %d", resp.StatusCode, resp.Header.Get("Content-Type"), length)
	switch {
	case len(body) > 100_000:
		line += fmt.Sprintf(" %d bytes", len(body))
	case strings.HasPrefix(string(body), "<!DOCTYPE") && length == int64(len(body)):
		line = fmt.Sprintf("%d %s page of its length", resp.StatusCode, resp.Header.Get("Content-Type"))
	default:
		line += fmt.Sprintf(" %q", body)
	}
	if err != nil {
		line += " torn"
	}
	for _, name := range perConnection {
		if resp.ProtoMajor > 1 && resp.Header.Get(name) != "" {
			line += " with " + name
		}
	}
	if resp.Header.Get("Server") != serverName || resp.Header.Get("Date") == "" {
		line += " without Server or Date"
	}
	return line
}

// handshake connects over TLS.
func (r *running) handshake(t testing.TB, config *tls.Config) *tls.Conn {
	t.Helper()
	config.ServerName = "site.example"
	c := tls.Client(r.dial(t), config)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTLSEnd: TLS says when a response is whole that ends with the connection, and says nothing when it is torn.
func TestTLSEnd(t *testing.T) {
	s := start(t, answer, overTLS)
	for path, want := range map[string]error{"/twice": nil, "/abort-late": io.ErrUnexpectedEOF} {
		c := s.handshake(t, tlsClient("http/1.1"))
		if _, err := io.WriteString(c, "GET "+path+" HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); want == nil && err != nil || want != nil && err == nil {
			t.Errorf("%s ended with %v, want %v", path, err, want)
		}
	}
}

// TestTLSKeepAlive: requests that come in one record are answered one after the other, and the connection is kept.
func TestTLSKeepAlive(t *testing.T) {
	s := start(t, hello, overTLS)
	c := s.handshake(t, tlsClient())
	for range 3 {
		if _, err := io.WriteString(c, plainGet+plainGet); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			readHelloFrom(t, c)
		}
	}
	if n := s.Counters(); n.Connections.Open != 1 {
		t.Errorf("%+v, want one connection", n.Connections)
	}
}

// readHelloFrom reads as much as a response of hello is.
func readHelloFrom(t *testing.T, c net.Conn) {
	t.Helper()
	text, buf := "", make([]byte, 1)
	for !strings.HasSuffix(text, string(helloBody)) {
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		text += string(buf)
	}
}

// TestAcmeTLS: the connection of an ACME authority ends with its handshake.
func TestAcmeTLS(t *testing.T) {
	s := start(t, hello, overTLS)
	c := s.handshake(t, tlsClient("acme-tls/1"))
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%d bytes, error %v; want the end", n, err)
	}
}

// TestHandshakeTimeout: a client that does not go on is let go, whether it has said something or not.
func TestHandshakeTimeout(t *testing.T) {
	s := start(t, hello, func(o *Options) { overTLS(o); o.Timeouts.Header.Timeout = 50 * time.Millisecond })
	for _, begin := range []string{"", "\x16\x03\x01\x02\x00"} {
		c := s.dial(t)
		if _, err := io.WriteString(c, begin); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 100)); err == nil && n == 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %q: %d bytes, error %v; want an end", begin, n, err)
		}
	}
	s.close(t)
	if log := s.log.text(); !strings.Contains(log, "TLS handshake failed: it was not over after 50ms") {
		t.Errorf("the log has\n%s", log)
	}
}

// TestHandshakeCounts: a connection in its handshake takes a place.
func TestHandshakeCounts(t *testing.T) {
	s := start(t, hello, func(o *Options) { overTLS(o); o.Limits.Clients = 1 })
	first := s.dial(t)
	if _, err := io.WriteString(first, "\x16"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	second := tls.Client(s.dial(t), tlsClientFor("site.example"))
	go func() { done <- second.Handshake() }()
	for s.Counters().Connections.Open == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-done:
		t.Fatalf("the second handshake did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	first.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func tlsClientFor(name string) *tls.Config {
	c := tlsClient()
	c.ServerName = name
	return c
}

// TestHandshakeRefused: a name without a certificate is no lack of configuration, as crypto/tls words it.
func TestHandshakeRefused(t *testing.T) {
	s := start(t, hello, func(o *Options) {
		overTLS(o)
		o.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
	})
	err := tls.Client(s.dial(t), tlsClientFor("stranger.example")).Handshake()
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("the client got %v", err)
	}
	s.close(t)
	if log := s.log.text(); !strings.Contains(log, "info: TLS handshake failed: there is no certificate for the name") {
		t.Errorf("the log has %q", log)
	}
}

// TestHandshakeFails: what cannot be agreed on is logged, and no connection is left.
func TestHandshakeFails(t *testing.T) {
	s := start(t, hello, func(o *Options) { overTLS(o); o.TLS.MinVersion = tls.VersionTLS13 })
	old := tlsClientFor("site.example")
	old.MaxVersion = tls.VersionTLS12
	if err := tls.Client(s.dial(t), old).Handshake(); err == nil {
		t.Error("TLS 1.2 was accepted")
	}
	s.close(t)
	if log := s.log.text(); !strings.Contains(log, "info: TLS handshake failed: tls: client offered only unsupported versions") {
		t.Errorf("the log has\n%s", log)
	}
	if n := s.Counters().Connections.Open; n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// plainToTLS are requests that should have come encrypted, and the link that the answer has; "" is no link.
var plainToTLS = []struct{ request, site, want string }{
	{"GET /path HTTP/1.1\r\nHost: Site.Example:80\r\n\r\n", "", "https://site.example:8443/"},
	{"GET /path HTTP/1.1\r\nHost: other.example\r\n\r\n", "www.site.example", "https://www.site.example:8443/"},
	{"GET / HTTP/1.0\r\n\r\n", "", ""},
	{"GET / HTTP/1.1\r\nHost: \"><script>\r\n\r\n", "", ""},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", ""},
}

// TestPlainToTLS: plain HTTP sent to the port of HTTPS gets an answer that a browser shows.
func TestPlainToTLS(t *testing.T) {
	for _, c := range plainToTLS {
		s := start(t, hello, func(o *Options) { overTLS(o); o.Site.Name = c.site; o.Listeners[0].Info.Port = "8443" })
		conn := s.dial(t)
		if _, err := io.WriteString(conn, c.request); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		text := string(answer)
		link := `<a href="` + c.want + `">`
		if err != nil || !strings.HasPrefix(text, "HTTP/1.1 400 Bad Request\r\n") || strings.Contains(text, "<a ") != (c.want != "") ||
			c.want != "" && !strings.Contains(text, link) || strings.Contains(text, "script") {
			t.Errorf("%q was answered, error %v:\n%s", c.request, err, text)
		}
		s.close(t)
		if log := s.log.text(); !strings.Contains(log, "Request refused: 400 Bad Request (plain HTTP was sent to a port of HTTPS)") {
			t.Errorf("the log has\n%s", log)
		}
	}
}

// secureFields are requests to a site that is HTTPS only with HTTP/3 on port 8443, and which of the two fields the answer has.
var secureFields = []struct{ request, host, want string }{
	{"GET /hello", "site.example", "both"},
	{"GET /missing", "site.example", "both"},
	{"GET /hello", "other.example", "both"},
	{"GET /alt-svc", "site.example", "both, the handler's"},
	{"GET /hello", "localhost", "Alt-Svc"},
}

// TestSecureFields: what clients are to remember is in every answer over HTTPS, and in none over HTTP.
func TestSecureFields(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=0") // is not the application's to say
		if r.URL.Path == "/alt-svc" {
			w.Header().Set("Alt-Svc", "clear")
		}
		answer(w, r)
	}
	for _, w := range ways {
		s := start(t, handler, func(o *Options) {
			w.options(o)
			o.Site = Site{Name: "site.example", AllowLocalhost: true, HTTPSOnly: true, HSTS: "max-age=63072000", HTTPSPort: "8443", HTTP3Port: "8443"}
		})
		client := w.client(t)
		for _, c := range secureFields {
			req, err := http.NewRequest("GET", w.scheme+"://"+s.addr+strings.TrimPrefix(c.request, "GET "), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = c.host
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			want := c.want
			if w.scheme == "http" && want != "both, the handler's" || w.scheme == "http" && c.host != "localhost" {
				want = "neither"
			}
			if got := describeSecure(resp.Header); got != want {
				t.Errorf("%s, %s for %s: %s, want %s", w.name, c.request, c.host, got, want)
			}
		}
	}
}

func describeSecure(h http.Header) string {
	hsts, alternative := h.Get("Strict-Transport-Security") == "max-age=63072000", h.Get("Alt-Svc")
	switch {
	case hsts && alternative == `h3=":8443"; ma=86400`:
		return "both"
	case hsts && alternative == "clear":
		return "both, the handler's"
	case alternative == `h3=":8443"; ma=86400`:
		return "Alt-Svc"
	case !hsts && alternative == "":
		return "neither"
	}
	return fmt.Sprint(h)
}

// TestSecureRefusal: also what was refused before it was a request.
func TestSecureRefusal(t *testing.T) {
	s := start(t, answer, func(o *Options) { overTLS(o); o.Site = Site{HTTPSOnly: true, HSTS: "max-age=1", HTTPSPort: "443"} })
	c := s.handshake(t, tlsClient())
	if _, err := io.WriteString(c, "nonsense\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), "\r\nStrict-Transport-Security: max-age=1\r\n") {
		t.Errorf("error %v:\n%s", err, text)
	}
}
