package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A once is the body of a request that cannot be sent again: net/http finds no way to begin it anew.
type once struct {
	io.Reader
	begun atomic.Bool
}

func (o *once) Read(p []byte) (int, error) {
	o.begun.Store(true)
	return o.Reader.Read(p)
}

// TestDrainLosesNothingH2 is TestDrainLosesNothing with requests that share connections, and that nobody may repeat: what a
// server gets while it leaves it has to answer.
func TestDrainLosesNothingH2(t *testing.T) {
	for _, w := range ways[3:] {
		t.Run(w.name, func(t *testing.T) { drainH2(t, &w) })
	}
}

func drainH2(t *testing.T, w *way) {
	const clients, generations, share = 8, 3, 200
	socket, addr := newSharedSocket(t)
	var served atomic.Int64
	next := func() *Server {
		l, err := net.FileListener(socket.file)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Listeners: []Listener{{Socket: l}}, Timeouts: Timeouts{KeepAlive: 10 * time.Second}, ErrorLog: &testLog{},
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Error(err)
				}
				served.Add(1)
				hello(w, r)
			})}
		w.options(&o)
		s := New(o)
		go func() { _ = s.Serve() }()
		return s
	}
	ctx, stop := context.WithCancel(t.Context())
	var hammering sync.WaitGroup
	defer hammering.Wait()
	defer stop()
	current := next()
	client := w.client(t)
	for range clients {
		hammering.Go(func() { hammerH2(ctx, t, client, w.scheme+"://"+addr) })
	}
	for g := range generations {
		for goal := served.Load() + share; served.Load() < goal && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		old := current
		current = next()
		if err := old.Drain(t.Context()); err != nil {
			t.Errorf("Drain %d: %v", g, err)
		}
		if n := old.Counters(); n.Connections.Open != 0 || n.Requests == 0 {
			t.Errorf("after Drain %d: %+v", g, n)
		}
	}
	stop()
	hammering.Wait()
	client.CloseIdleConnections()
	if err := current.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// hammerH2 posts until ctx ends. Any failure is an error.
func hammerH2(ctx context.Context, t *testing.T, client *http.Client, target string) {
	for ctx.Err() == nil && !t.Failed() {
		body := &once{Reader: strings.NewReader("hello")}
		resp, err := client.Post(target, "text/plain", body)
		if err != nil && !body.begun.Load() {
			continue // net/http gives up requests that it has not begun to send
		}
		if err != nil {
			t.Error(err)
			return
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != string(helloBody) || resp.ProtoMajor != 2 {
			t.Errorf("%s %s %q, error %v", resp.Proto, resp.Status, text, err)
		}
	}
}

// TestDrainH2: a stream that runs is served to its end, others may still come for a moment, and the connection ends.
func TestDrainH2(t *testing.T) {
	release := make(chan bool)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			From(w).say("", "some")
			<-release
		}
		hello(w, r)
	}, func(o *Options) { o.H2C = true })
	f := newFraming(t, s.dial(t)).greet()
	f.run("headers 1 GET /wait\nuntil DATA 1")
	drained := make(chan error)
	go func() { drained <- s.Drain(t.Context()) }()
	f.run("until GOAWAY\nheaders 3 GET /\nuntil DATA 3\nuntil GOAWAY")
	close(release)
	f.run("headers 5 GET /\nuntil DATA 1 12 bytes end")
	f.until("")
	const want = "HEADERS 1 :status=200 length=-\nDATA 1 4 bytes\n" +
		"GOAWAY 0 last=2147483647 NO_ERROR\nHEADERS 3 :status=200 length=12\nDATA 3 12 bytes end\n" +
		"GOAWAY 0 last=3 NO_ERROR\nDATA 1 12 bytes end\nend\n"
	if f.seen.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", f.seen.String(), want)
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	s.done <- nil
}

// TestDrainLateH2: a connection that was accepted before Drain may be found to speak HTTP/2 after it. It is served, and ends
// when it has nothing to do.
func TestDrainLateH2(t *testing.T) {
	accepted := make(chan bool, 1)
	s := start(t, hello, func(o *Options) {
		o.H2C = true
		o.Listeners[0].Socket = tellingListener{o.Listeners[0].Socket, accepted}
	})
	c := s.dial(t)
	<-accepted
	drained := make(chan error)
	go func() { drained <- s.Drain(t.Context()) }()
	<-s.stopping
	f := newFraming(t, c).greet()
	f.run("headers 1 GET /\nuntil DATA 1 12 bytes end")
	f.until("")
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	if want := "GOAWAY 0 last=2147483647 NO_ERROR\nHEADERS 1 :status=200 length=12\nDATA 1 12 bytes end\nGOAWAY 0 last=1 NO_ERROR\nend\n"; f.seen.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", f.seen.String(), want)
	}
}

// TestShutdownH2: an idle connection ends, one that does not take its response too when the time is up, and handlers that
// still run are waited for as long.
func TestShutdownH2(t *testing.T) {
	s := start(t, converse, func(o *Options) { o.H2C = true })
	idle, stuck := newFraming(t, s.dial(t)).greet(), newFraming(t, s.dial(t)).greet()
	stuck.run("headers 1 GET /stream\nuntil DATA")
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	stopped := make(chan error)
	go func() { stopped <- s.Shutdown(ctx) }()
	idle.until("")
	if want := "GOAWAY 0 last=0 NO_ERROR\nend\n"; idle.seen.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", idle.seen.String(), want)
	}
	if err := <-stopped; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v, want that its time was up", err)
	}
	stuck.until("")
}
