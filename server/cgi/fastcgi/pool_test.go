package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An application is one that speaks FastCGI, by the package of the standard library, which shares no code with this one.
type application struct {
	net.Listener
	accepted atomic.Int32
	last     atomic.Value // net.Conn
}

func (a *application) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err == nil {
		a.accepted.Add(1)
		a.last.Store(c)
	}
	return c, err
}

// serve starts an application, and returns a pool of connections to it.
func serve(t *testing.T, size int, timeout time.Duration, handler http.HandlerFunc) (*application, *Pool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	a := &application{Listener: l}
	go func() { _ = fcgi.Serve(a, handler) }()
	p := NewPool(size, timeout, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	})
	t.Cleanup(func() {
		p.Close()
		_ = l.Close()
	})
	return a, p
}

// get is a request that may be repeated.
func get(path string) *Request {
	return &Request{Idempotent: true, Environ: environ("GET", path)}
}

func environ(method, path string, more ...string) []string {
	return append([]string{"REQUEST_METHOD=" + method, "REQUEST_URI=" + path, "SERVER_PROTOCOL=HTTP/1.1", "HTTP_HOST=localhost"}, more...)
}

// body makes a request and returns what follows the head of the response.
func body(t *testing.T, p *Pool, r *Request) string {
	t.Helper()
	out, err := p.Do(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\r\n\r\n")
	return rest
}

const patience = 10 * time.Second

// TestVariablesArrive: names and values of every length that has an encoding of its own.
func TestVariablesArrive(t *testing.T) {
	_, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, len(r.Header.Get("X-Empty")), len(r.Header.Get("X-Short")), len(r.Header.Get("X-Long")), len(r.Header.Get("X-Huge")))
	})
	r := get("/")
	r.Environ = append(r.Environ, "HTTP_X_EMPTY=", "HTTP_X_SHORT="+strings.Repeat("x", 127), "HTTP_X_LONG="+strings.Repeat("x", 128),
		"HTTP_X_HUGE="+strings.Repeat("x", 200000))
	if got := body(t, p, r); got != "0 127 128 200000" {
		t.Errorf("got %s", got)
	}
}

// TestConnectionsAreKept: for requests that may be repeated; a body gets a connection of its own, which is then kept too.
func TestConnectionsAreKept(t *testing.T) {
	a, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for range 3 {
		body(t, p, get("/"))
	}
	if n := a.accepted.Load(); n != 1 {
		t.Errorf("%d connections for three requests, one after the other", n)
	}
	sent := strings.Repeat("0123456789", 20000)
	post := &Request{Environ: environ("POST", "/", fmt.Sprint("CONTENT_LENGTH=", len(sent))), Body: strings.NewReader(sent)}
	if got := body(t, p, post); got != sent {
		t.Errorf("%d bytes came back of %d", len(got), len(sent))
	}
	body(t, p, get("/"))
	if n := a.accepted.Load(); n != 2 {
		t.Errorf("%d connections, want one more for the body and none after it", n)
	}
}

// TestDeadConnection: one that the application has closed while it was idle is not used, and costs nobody a request.
func TestDeadConnection(t *testing.T) {
	a, p := serve(t, 2, patience, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") })
	body(t, p, get("/"))
	_ = a.last.Load().(net.Conn).Close()
	if got := body(t, p, get("/")); got != "served" {
		t.Errorf("got %q", got)
	}
	if n := a.accepted.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// TestDiesWithTheRequest: a connection that is closed when a request is on it: an idempotent one is sent again, another is not.
func TestDiesWithTheRequest(t *testing.T) {
	var fail atomic.Bool
	var a *application
	a, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) {
		if fail.Swap(false) {
			_ = a.last.Load().(net.Conn).Close()
			return
		}
		fmt.Fprint(w, "served")
	})
	body(t, p, get("/"))
	fail.Store(true)
	if got := body(t, p, get("/")); got != "served" {
		t.Errorf("got %q", got)
	}
	fail.Store(true)
	r := get("/")
	r.Idempotent = false
	if _, err := p.Do(context.Background(), r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a request that may have been begun: got %v", err)
	}
	if got := body(t, p, get("/")); got != "served" {
		t.Errorf("after it: got %q", got)
	}
}

// TestStreams: each side sees what the other sends before it ends.
func TestStreams(t *testing.T) {
	_, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 100)
		for {
			n, err := r.Body.Read(buffer)
			if n > 0 {
				fmt.Fprintf(w, "<%s>", buffer[:n])
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	})
	in, send := io.Pipe()
	go func() { _, _ = send.Write([]byte("one")) }()
	out, err := p.Do(context.Background(), &Request{Environ: environ("POST", "/", "CONTENT_LENGTH=6"), Body: in})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	wait := func(word string) {
		var got string
		for buffer := make([]byte, 1000); !strings.HasSuffix(got, word); {
			n, err := out.Read(buffer)
			if got += string(buffer[:n]); err != nil {
				t.Fatalf("waiting for %s: got %q, %v", word, got, err)
			}
		}
	}
	wait("<one>")
	_, _ = send.Write([]byte("two"))
	wait("<two>")
	_ = send.Close()
	if rest, err := io.ReadAll(out); len(rest) > 0 || err != nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// hold is an application that answers when it is told to.
func hold(t *testing.T, size int, timeout time.Duration) (*Pool, chan struct{}) {
	release := make(chan struct{})
	_, p := serve(t, size, timeout, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			<-release
		}
		fmt.Fprint(w, "served")
	})
	return p, release
}

// TestBusy: when all connections are in use, a request waits for the timeout and no longer. One is in use until its response is closed.
func TestBusy(t *testing.T) {
	_, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") })
	out, err := p.Do(context.Background(), get("/"))
	if err != nil {
		t.Fatal(err)
	}
	p.timeout = 20 * time.Millisecond
	if _, err := p.Do(context.Background(), get("/")); err != ErrBusy {
		t.Errorf("got %v, want ErrBusy", err)
	}
	p.timeout = patience
	_ = out.Close()
	body(t, p, get("/"))
}

// TestTimeout: an application that says nothing is not waited for longer than the timeout. Its process is not free before it has
// answered, and it is told when there is no other.
func TestTimeout(t *testing.T) {
	p, release := hold(t, 2, 20*time.Millisecond)
	stuck := make(chan int, 2)
	p.Stuck = func() { stuck <- len(p.places) }
	for range 2 {
		if _, err := p.Do(context.Background(), get("/hold")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	}
	if n := <-stuck; n != 2 {
		t.Errorf("it is stuck with %d processes", n)
	}
	if _, err := p.Do(context.Background(), get("/")); err != ErrBusy {
		t.Errorf("got %v, want ErrBusy", err)
	}
	close(release)
	p.timeout = patience
	if got := body(t, p, get("/")); got != "served" {
		t.Errorf("after it: got %q", got)
	}
	if len(stuck) > 0 {
		t.Error("it was stuck twice")
	}
}

// TestCancel: the end of the context ends the request, wherever it is.
func TestCancel(t *testing.T) {
	p, release := hold(t, 1, patience)
	defer close(release)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	for range 2 { // one is served, one waits for a place
		go func() {
			_, err := p.Do(ctx, get("/hold"))
			ended <- err
		}()
	}
	for len(p.places) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range 2 {
		if err := <-ended; err != context.Canceled {
			t.Errorf("got %v", err)
		}
	}
	if got := body(t, p, get("/")); got != "served" {
		t.Errorf("after it: got %q", got)
	}
}

// TestBrokenBody: a body that cannot be read ends its request.
func TestBrokenBody(t *testing.T) {
	_, p := serve(t, 1, patience, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	broken := io.MultiReader(strings.NewReader("some"), failing{})
	out, err := p.Do(context.Background(), &Request{Environ: environ("POST", "/", "CONTENT_LENGTH=100"), Body: broken})
	if err == nil {
		_, err = io.ReadAll(out)
		_ = out.Close()
	}
	if err == nil {
		t.Error("the response is complete although the body was not")
	}
	if n := len(p.places); n != 0 {
		t.Errorf("%d connections are in use after the request", n)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the client has left") }
