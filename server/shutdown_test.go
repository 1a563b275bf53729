package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestShutdownFinishes: a running request is finished, an idle connection closed, a new one refused.
func TestShutdownFinishes(t *testing.T) {
	running, release := make(chan bool), make(chan bool)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(running)
			<-release
		}
		hello(w, r)
	}, nil)
	idle, busy := s.dial(t), s.dial(t)
	get(t, idle)
	if _, err := io.WriteString(busy, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-running
	down := make(chan bool)
	go func() { s.close(t); close(down) }()
	if n, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection gave %d bytes, error %v; want the end", n, err)
	}
	if c, err := net.DialTimeout("tcp", s.addr, 5*time.Second); err == nil {
		c.Close()
		t.Error("a new connection was accepted")
	}
	select {
	case <-down:
		t.Fatal("Shutdown has not waited for the request")
	default:
	}
	close(release)
	resp, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != string(helloBody) || !resp.Close {
		t.Errorf("the running request got %q, error %v, close %t", body, err, resp.Close)
	}
	<-down
}

// TestShutdownNewcomer: what was accepted before and asks only now is still answered.
func TestShutdownNewcomer(t *testing.T) {
	accepted := make(chan bool, 1)
	s := start(t, hello, func(o *Options) { o.Listeners[0].Socket = tellingListener{o.Listeners[0].Socket, accepted} })
	quiet := s.dial(t)
	<-accepted
	asking := s.dial(t)
	<-accepted
	go func() {
		<-s.stopping
		_, _ = io.WriteString(asking, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	}()
	down := make(chan bool)
	go func() { s.close(t); close(down) }()
	resp, err := http.ReadResponse(bufio.NewReader(asking), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the newcomer got %v, error %v", resp, err)
	}
	if n, err := quiet.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the quiet newcomer got %d bytes, error %v; want the end", n, err)
	}
	<-down
}

// A tellingListener tells when a connection was accepted.
type tellingListener struct {
	net.Listener
	accepted chan bool
}

func (l tellingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted <- true
	}
	return c, err
}

// TestShutdownEnds: when the time is up, everything is closed as it stands.
func TestShutdownEnds(t *testing.T) {
	running, release := make(chan bool), make(chan bool)
	s := start(t, func(w http.ResponseWriter, _ *http.Request) {
		From(w).say("10", "some")
		close(running)
		<-release
	}, nil)
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-running
	s.stop.Do(func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.Shutdown(over); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v, want that it was cancelled", err)
		}
		if err := <-s.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("the client got %q and no error: it cannot see that the response is cut", body)
	}
	close(release)
}
