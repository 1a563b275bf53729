package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// greet answers as the application does.
func greet(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, helloBody) }

// other does not.
func other(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "Hello") }

// ownCertificate makes the files of the benchmark's certificate, and reads them.
func ownCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	s := site{Dir: t.TempDir()}
	if err := writeCertificate(s); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(s.certificate(), s.key())
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// secureServer serves on a loopback port until the test ends; change may alter what it says in its handshakes.
func secureServer(t *testing.T, handler http.HandlerFunc, change func(*tls.Config)) endpoint {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that are turned away on purpose
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}}
	if change != nil {
		change(server.TLS)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return endpoint{server.Listener.Addr().String(), true}
}

func secureLoad(to endpoint) load { return load{to, 2, 1, Request{Path: "/"}} }

func TestHandshakesAreCountedAsTheyWere(t *testing.T) {
	t.Parallel() // a load lasts a second
	for _, c := range []struct {
		about  string
		change func(*tls.Config)
		want   func(tally) int
	}{
		{"a full one of TLS 1.3", nil, func(t tally) int { return t.Requests }},
		{"an RSA certificate", func(c *tls.Config) { c.Certificates = nil }, func(t tally) int { return t.Bad }}, // httptest's own
		{"no TLS 1.3", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, func(t tally) int { return t.Connect }},
	} {
		got, err := secureLoad(secureServer(t, greet, c.change)).handshakes(t.Context(), places{})
		if good := got.Requests - got.Bad; err != nil || c.want(got) == 0 || (good > 0) != (c.change == nil) || good > 0 && got.Bad > 0 {
			t.Errorf("%s: counted %+v, %v", c.about, got, err)
		}
	}
}

func TestHandshakeIsCountedOnceTheServerHasClosed(t *testing.T) {
	t.Parallel() // a load lasts a second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go holdConnections(l, ownCertificate(t))
	var c counts
	c.shakeHands(t.Context(), endpoint{l.Addr().String(), true})
	if c.seen != (tally{TimedOut: 1}) || len(c.waits) != 0 {
		t.Errorf("a server that never closes: counted %+v", c)
	}
}

// holdConnections makes the handshake of every connection and then leaves it alone.
func holdConnections(l net.Listener, pair tls.Certificate) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()                                                                   // with the listener
		_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake() // the client tells
	}
}

func TestNewcomersCountAnswers(t *testing.T) {
	t.Parallel() // a load lasts a second
	if got, err := secureLoad(secureServer(t, greet, nil)).newcomers(t.Context(), places{}); err != nil || got.Requests == 0 || got.Bad != 0 {
		t.Errorf("good answers: counted %+v, %v", got, err)
	}
	if got, err := secureLoad(secureServer(t, other, nil)).newcomers(t.Context(), places{}); err != nil || got.Bad == 0 || got.Bad != got.Requests {
		t.Errorf("other bodies: counted %+v, %v", got, err)
	}
}

func TestHTTP3IsAskedFor(t *testing.T) {
	t.Parallel() // a load lasts a second
	for about, c := range map[string]struct {
		handler http.HandlerFunc
		bad     bool
	}{"good answers": {greet, false}, "other bodies": {other, true}} {
		got, err := secureLoad(http3Server(t, c.handler)).overHTTP3(t.Context(), places{})
		if err != nil || got.Requests == 0 || (got.Bad > 0) != c.bad || c.bad && got.Bad != got.Requests {
			t.Errorf("%s: counted %+v, %v", about, got, err)
		}
	}
}

func http3Server(t *testing.T, handler http.HandlerFunc) endpoint {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := &http3.Server{Handler: handler, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}})}
	go server.Serve(socket)
	t.Cleanup(func() {
		server.Close()
		socket.Close()
	})
	return endpoint{socket.LocalAddr().String(), true}
}

func TestHeldConnectionsAreAskedAgain(t *testing.T) {
	accepted := make(chan net.Conn, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(greet))
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			accepted <- c
		}
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ownCertificate(t)}}
	server.StartTLS()
	defer server.Close()
	h, err := load{endpoint{server.Listener.Addr().String(), true}, 20, 1, Request{Path: "/"}}.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	(<-accepted).Close() // the server loses one of them
	got, err := h.release()
	if len(accepted) != 19 || err != nil || got.Requests != 19 || got.failures() != 1 {
		t.Errorf("%d more connections; counted %+v, %v; want 19 answers and a loss", len(accepted), got, err)
	}
}

func TestHeldConnectionsThatCannotBeMadeAreLosses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	h, err := load{endpoint{l.Addr().String(), true}, 3, 1, Request{Path: "/"}}.hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := h.release(); err != nil || got.Requests != 0 || got.Connect != 3 {
		t.Errorf("counted %+v, %v", got, err)
	}
}

func TestProbeMakesHandshakes(t *testing.T) {
	to := secureServer(t, greet, nil)
	if seen := probe(t.Context(), to, Request{Path: "/"}, probeTail+3*probeEvery); len(seen.Waits) == 0 || seen.Unanswered != 0 {
		t.Errorf("good server: %+v", seen)
	}
	if seen := probe(t.Context(), endpoint{Address: to.Address}, Request{Path: "/"}, probeTail+3*probeEvery); len(seen.Waits) != 0 {
		t.Errorf("plain requests to it: %+v", seen)
	}
}

// The yardstick's row is its own command, run by the tests' program.
func TestYardstickServesTLS(t *testing.T) {
	self := secureYardstick()
	command := self.Command
	self.Command = func(s site) []string { return append([]string{"/proc/self/exe"}, command(s)[1:]...) }
	r, err := start(self, places{}, "hello")
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	if _, err := r.ready(t.Context(), idleCase(), 10*time.Millisecond); err != nil {
		t.Error(err)
	}
}
