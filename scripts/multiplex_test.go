package scripts

import (
	"context"
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
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gild/config"
	"gild/server"
)

// A site is a server with TLS, and a client that has one connection of HTTP/2 with it.
type site struct {
	*http.Client
	*server.Server
	url string
}

// newSite serves on a port of its own. What the handler is asked for is for the host site.example.
func newSite(handler http.Handler, mount string) (*site, error) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	certificate, err := newCertificate()
	if err != nil {
		return nil, err
	}
	s := &site{url: "https://site.example:8443"}
	s.Server = server.New(server.Options{
		Listeners: []server.Listener{{Socket: socket, Info: server.Info{Port: "8443", Scheme: "https", Addr: socket.Addr()}}},
		Handler:   handler,
		Mount:     mount,
		Timeouts:  server.Timeouts{KeepAlive: time.Minute, Socket: time.Hour},
		TLS:       &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}},
		ErrorLog:  testLog,
	})
	s.Client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, socket.Addr().String())
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate is another test's business
		ForceAttemptHTTP2: true,
	}}
	go s.Serve()
	return s, nil
}

func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// testSite serves the application of this process without the --setenv HTTPS of the others. What is given sees requests
// before the engine does.
func testSite(t *testing.T, before ...func(*server.Exchange)) *site {
	t.Helper()
	first := testEngine()
	c := *first.config
	c.SetEnv, c.HTTPS = nil, &config.HTTPS{Environment: true}
	e := NewEngine(&c, nil, testLog)
	e.groups = first.groups
	e.SetVariables(func(state *tls.ConnectionState, add func(key, value string)) {
		add("SSL_PROTOCOL", tls.VersionName(state.Version))
	})
	s, err := newSite(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range before {
			f(server.From(w))
		}
		e.ServeHTTP(w, r)
	}), c.Application.MountPoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask makes a request with header fields, given as "Name: value", and returns the status and the body of the response.
func (s *site) ask(ctx context.Context, method, path string, body io.Reader, fields ...string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, body)
	if err != nil {
		return "", err
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header[name] = append(r.Header[name], value)
	}
	response, err := s.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return fmt.Sprint(response.StatusCode, " ", string(text)), err
}

// TestEnvironOfStreams: what the application sees of a request that came over HTTP/2.
func TestEnvironOfStreams(t *testing.T) {
	s := testSite(t)
	for _, c := range []struct {
		method, path string
		body         io.Reader
		fields       []string
		want         string
	}{
		{"GET", "/mount//a?q=1", nil, []string{"Keys: SERVER_PROTOCOL wsgi.url_scheme REQUEST_SCHEME HTTPS SSL_PROTOCOL"},
			"SERVER_PROTOCOL='HTTP/2.0' wsgi.url_scheme='https' REQUEST_SCHEME='https' HTTPS=None SSL_PROTOCOL='TLS 1.3'"},
		{"GET", "/mount//a?q=1", nil, []string{"Keys: HTTP_HOST SERVER_NAME SERVER_PORT mod_wsgi.listener_port REQUEST_URI PATH_INFO SERVER_ADDR REMOTE_ADDR"},
			"HTTP_HOST='site.example:8443' SERVER_NAME='site.example' SERVER_PORT='8443' mod_wsgi.listener_port='8443' " +
				"REQUEST_URI='/mount//a?q=1' PATH_INFO='/a' SERVER_ADDR='127.0.0.1' REMOTE_ADDR='127.0.0.1'"},
		{"GET", "/mount/", nil, []string{"Cookie: a=1", "Cookie: b=2", "X-A: 1", "X-A: 2", "Keys: HTTP_COOKIE HTTP_X_A CONTENT_LENGTH"},
			"HTTP_COOKIE='a=1; b=2' HTTP_X_A='1, 2' CONTENT_LENGTH=None"},
		{"POST", "/mount/", strings.NewReader("abc"), []string{"Keys: CONTENT_LENGTH HTTP_CONTENT_LENGTH HTTP_TRANSFER_ENCODING"},
			"CONTENT_LENGTH='3' HTTP_CONTENT_LENGTH=None HTTP_TRANSFER_ENCODING=None"},
		{"POST", "/mount/", struct{ io.Reader }{strings.NewReader("abc")}, []string{"Keys: CONTENT_LENGTH"}, "CONTENT_LENGTH='3'"},
	} {
		got, err := s.ask(t.Context(), c.method, c.path, c.body, c.fields...)
		got = strings.ReplaceAll(got, "\n", " ")
		if want := "200 " + c.want; got != want || err != nil {
			t.Errorf("%s %s with %q: %v\n%s\nwant\n%s", c.method, c.path, c.fields, err, got, want)
		}
	}
}

// TestEarlyResponse: the response to a request whose body never ends is complete, and the connection serves others.
func TestEarlyResponse(t *testing.T) {
	s := testSite(t)
	body, more := io.Pipe()
	defer more.Close()
	go io.WriteString(more, large)
	got, err := s.ask(t.Context(), "POST", "/mount/", body, "Keys: SERVER_PROTOCOL")
	if got != "200 SERVER_PROTOCOL='HTTP/2.0'" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := s.ask(t.Context(), "POST", "/mount/", strings.NewReader("abc")); got != "200 abc" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// TestContinue: where the engine does not say "100 Continue", as that of HTTP/3, it is said before the body is read. The client
// speaks HTTP/2, whose engine would have removed the field from the request.
func TestContinue(t *testing.T) {
	s := testSite(t, func(x *server.Exchange) {
		x.Request.ProtoMajor = 3
		x.Request.Header["Expect"] = []string{"100-continue"}
	})
	for _, size := range []int{0, 3, 100_000} {
		interim := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { interim++ }})
		got, err := s.ask(ctx, "POST", "/mount/", strings.NewReader(large[:size]))
		if got != "200 "+large[:size] || err != nil || interim != min(size, 1) {
			t.Errorf("a body of %d bytes: %.60q, %v, with %d interim responses", size, got, err, interim)
		}
	}
}

// TestTornStream: a response that the application does not finish is a stream that was reset, and the other streams of
// the connection go on.
func TestTornStream(t *testing.T) {
	s := testSite(t)
	body, more := io.Pipe()
	defer more.Close()
	other := make(chan string, 1)
	go func() {
		got, err := s.ask(t.Context(), "POST", "/mount/", body)
		other <- fmt.Sprint(got, err)
	}()
	for range 5 {
		got, err := s.ask(t.Context(), "GET", "/mount/", nil, "Keys: x", "Torn: 1")
		if got != "200 begun" || err == nil || !strings.Contains(err.Error(), "stream error") {
			t.Errorf("%q, %v", got, err)
		}
	}
	_, _ = io.WriteString(more, "whole")
	more.Close()
	if got := <-other; got != "200 whole<nil>" {
		t.Errorf("the other stream: %s", got)
	}
}

// TestClientResetsStream: an application learns that nobody listens, and its thread is free again.
func TestClientResetsStream(t *testing.T) {
	s := testSite(t)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", s.url+"/mount/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Keys": {"x"}, "Endless": {"1"}}
		response, err := s.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.Copy(io.Discard, response.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("the response ended: %v", err)
		}
		response.Body.Close()
	}
	if got, err := s.ask(t.Context(), "POST", "/mount/", strings.NewReader("abc")); got != "200 abc" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// storySeats: under an MPM with seats a process with two threads serves many streams of one connection at once.
func storySeats() {
	const many = 12
	script := filepath.Join(os.Getenv("GILD_TEST_DIRECTORY"), "app.wsgi")
	if err := os.WriteFile(script, []byte(testApplication), 0o666); err != nil {
		panic(err)
	}
	s, err := newSite(startEngine(&config.Config{
		Application: config.Application{Type: config.Script, Target: script, Callable: "application", MountPoint: "/"},
		Python:      config.Python{Executable: os.Getenv("GILD_PYTHON")},
		MPM:         config.Worker,
		Embedded:    true,
		Groups:      []config.ProcessGroup{{Processes: 1, MaximumProcesses: 1, Threads: 2}},
	}), "/")
	if err != nil {
		panic(err)
	}
	answers := make(chan string, many)
	for i := range many {
		go func() {
			answer, err := s.ask(context.Background(), "POST", fmt.Sprint("/", i), strings.NewReader("abc"))
			answers <- fmt.Sprint(answer, " ", err)
		}()
	}
	for range many {
		fmt.Println(<-answers)
	}
}

// TestSeatsOfStreams: each stream has a thread for as long as it lasts, and no longer.
func TestSeatsOfStreams(t *testing.T) {
	for _, line := range tell(t, "seats") {
		if line != "200 abc <nil>" {
			t.Error(line)
		}
	}
}
