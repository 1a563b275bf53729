package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"
)

func TestQUICServes(t *testing.T) {
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		switch r.URL.Path {
		case "/echo":
			_, _ = io.Copy(w, r.Body)
		case "/error":
			x.Error(http.StatusBadGateway)
		case "/connection":
			w.Header().Set("Connection", "keep-alive")
			w.Header().Set("Keep-Alive", "timeout=5")
			w.Header().Set("Transfer-Encoding", "chunked")
			w.WriteHeader(http.StatusNoContent)
		case "/about":
			_, _ = io.WriteString(w, strings.Join([]string{r.Proto, r.Host, x.Listener().Scheme, x.Listener().Port,
				strconv.FormatInt(r.ContentLength, 10), strconv.FormatBool(x.TLS().HandshakeComplete)}, " "))
		default:
			hello(w, r)
		}
	}, func(o *Options) { o.Mount = "/" })

	_, port, _ := strings.Cut(r.address, ":")
	large := strings.Repeat("0123456789abcdef", 1<<17)
	for _, c := range []struct {
		method, path, send string
		status             int
		body, field, value string
	}{
		{"GET", "/", "", 200, string(helloBody), "Server", "gild"},
		{"HEAD", "/", "", 200, "", "Content-Length", strconv.Itoa(len(helloBody))},
		{"GET", "/about", "", 200, "HTTP/3.0 " + r.address + " https " + port + " 0 true", "", ""},
		{"HEAD", "/about", "", 200, "", "Content-Length", ""},
		{"POST", "/echo", "some words", 200, "some words", "Content-Length", "10"},
		{"POST", "/echo", large, 200, large, "Content-Length", ""},
		{"GET", "/echo", "a body of GET", 200, "a body of GET", "", ""},
		{"GET", "/connection", "", 204, "", "Connection", ""},
		{"GET", "/connection", "", 204, "", "Transfer-Encoding", ""},
		{"TRACE", "/", "", 405, "(page 405)", "Allow", allowed},
		{"GET", "/a%2fb", "", 404, "(page 404)", "", ""},
		{"GET", "/error", "", 502, "(page 502)", "Connection", ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			var body io.Reader
			if c.send != "" {
				body = strings.NewReader(c.send)
			}
			resp, text := r.do(t, c.method, c.path, body)
			text = ownPage.ReplaceAllString(text, "(page $1)")
			if resp.StatusCode != c.status || text != c.body || resp.Header.Get(c.field) != c.value || resp.Proto != "HTTP/3.0" {
				t.Errorf("status %d, body %.200q, %s: %q, %s", resp.StatusCode, text, c.field, resp.Header.Get(c.field), resp.Proto)
			}
		})
	}
}

// TestQUICStreams: what is flushed comes at once, and the body can be read while the response is written.
func TestQUICStreams(t *testing.T) {
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		if err := From(w).FullDuplex(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
		buf := make([]byte, 16)
		for {
			n, err := r.Body.Read(buf)
			_, _ = w.Write(buf[:n])
			From(w).Flush()
			if err != nil {
				return
			}
		}
	}, nil)
	talk(t, r.client, "https://"+r.address+"/", 3)
}

// talk sends words and waits for the echo of each.
func talk(t *testing.T, client *http.Client, url string, words int) {
	t.Helper()
	in, out := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, url, in)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(out, "word") }()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 4)
	for i := range words {
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "word" {
			t.Fatalf("word %d: %q, error %v", i, buf, err)
		}
		if i < words-1 {
			_, _ = io.WriteString(out, "word")
		}
	}
	out.Close()
	if n, err := resp.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("after the last word: %d bytes, error %v", n, err)
	}
}

// TestQUICTorn: what is not complete does not end like what is.
func TestQUICTorn(t *testing.T) {
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "some")
		From(w).Flush()
		if r.URL.Path == "/panic" {
			panic("no reason")
		}
		if r.URL.Path == "/abort" {
			From(w).Abort(errors.New("torn"))
		}
	}, nil)
	for _, path := range []string{"/panic", "/abort", "/short"} {
		resp, err := r.client.Get("https://" + r.address + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		var reset *http3.Error
		if !errors.As(err, &reset) {
			t.Errorf("%s: error %v, want a reset", path, err)
		}
	}
	if resp, _ := r.get(t, "/"); resp.StatusCode != http.StatusOK {
		t.Errorf("the connection is not usable any more: %s", resp.Status)
	}
}

func TestQUICLimits(t *testing.T) {
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			From(w).Abort(err)
			return
		}
		hello(w, r)
	}, func(o *Options) {
		o.Limits = Limits{Head: 20000, RequestLine: 1000, Body: 100}
		o.Timeouts.Body.Timeout = 100 * time.Millisecond
	})
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name   string
		path   string
		field  string
		body   io.Reader
		status int
	}{
		{"line", "/" + long(1000), "", nil, 414},
		{"head", "/", long(20000), nil, 431},
		{"huge head", "/", long(30000), nil, 431},
		{"declared body", "/", "", strings.NewReader(long(101)), 413},
		{"body", "/", "", io.MultiReader(strings.NewReader(long(101))), 413},
		{"slow body", "/", "", stalled(t), 408},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest("POST", "https://"+r.address+c.path, c.body)
			req.RequestURI = ""
			req.Header.Set("X-Long", c.field)
			resp, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("%s, want %d", resp.Status, c.status)
			}
		})
	}
}

// stalled is a body that never comes, until the test is over.
func stalled(t *testing.T) io.Reader {
	in, out := io.Pipe()
	t.Cleanup(func() { out.Close() })
	return in
}

// TestQUICEarly: what is sent as early data is served if it changes nothing, marked, and refused with 425 otherwise.
func TestQUICEarly(t *testing.T) {
	r := startQUIC(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Early-Data"))
	}, nil)
	r.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	r.get(t, "/") // gives a ticket
	for method, want := range map[string]int{"GET": 200, "POST": 425} {
		resp, used := r.early(t, method)
		if resp.StatusCode != want || !used {
			t.Errorf("%s: %s, early %t; want %d", method, resp.Status, used, want)
		}
		if text, _ := io.ReadAll(resp.Body); want == 200 && string(text) != "1" {
			t.Errorf("the application was told %q", text)
		}
	}
}

// early sends a request in 0-RTT data, and does not listen, so that the handshake cannot end, before it is answered. It
// reports whether the server took it so.
func (r *quicRunning) early(t *testing.T, method string) (*http.Response, bool) {
	t.Helper()
	before := r.Counters().Requests
	socket := newDeafSocket(t)
	q := r.dialFrom(t, socket)
	stream, err := (&http3.Transport{}).NewClientConn(q).OpenRequestStream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendRequestHeader(httptest.NewRequest(method, "https://"+r.address+"/", nil)); err != nil {
		t.Fatal(err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	for r.Counters().Requests == before {
		time.Sleep(time.Millisecond)
	}
	close(socket.listen)
	resp, err := stream.ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	return resp, q.ConnectionState().Used0RTT
}

// A deafSocket hears nothing until listen is closed, but does not forget it.
type deafSocket struct {
	connectedSocket
	listen chan struct{}
}

func newDeafSocket(t *testing.T) deafSocket {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return deafSocket{connectedSocket{c}, make(chan struct{})}
}

func (s deafSocket) WriteTo(p []byte, to net.Addr) (int, error) { return s.PacketConn.WriteTo(p, to) }

func (s deafSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	<-s.listen
	return s.PacketConn.ReadFrom(p)
}

// TestQUICGate: connections of HTTP/3 count, and are refused at the limit.
func TestQUICGate(t *testing.T) {
	r := startQUIC(t, hello, func(o *Options) { o.Limits.Clients = 2 })
	r.get(t, "/")
	if n := r.Counters().Connections; n.Open != 1 || n.Idle != 1 {
		t.Errorf("one idle connection is counted as %+v", n)
	}
	c := r.dial(t)
	get(t, c)
	other := &http3.Transport{TLSClientConfig: r.tls}
	defer other.Close()
	if resp, err := (&http.Client{Transport: other}).Get("https://" + r.address); err == nil {
		t.Errorf("a third client got %s", resp.Status)
	}
}

// TestQUICResetFlood: a client that resets its requests as fast as it sends them does not get more handlers than it may
// have.
func TestQUICResetFlood(t *testing.T) {
	var running atomic.Int64
	release := make(chan struct{})
	r := startQUIC(t, func(http.ResponseWriter, *http.Request) {
		running.Add(1)
		<-release
	}, nil)
	defer close(release)
	c := (&http3.Transport{}).NewClientConn(r.dialQUIC(t))
	for i := range 10 * quicStreams {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		stream, err := c.OpenRequestStream(ctx)
		cancel()
		if err != nil {
			break
		}
		_ = stream.SendRequestHeader(httptest.NewRequest("GET", "https://"+r.address+"/", nil))
		_ = stream.Close()
		for running.Load() < int64(i+1) {
			time.Sleep(time.Millisecond)
		}
		stream.CancelRead(0x10c)
	}
	if running.Load() != quicStreams {
		t.Errorf("%d handlers run at once", running.Load())
	}
}
