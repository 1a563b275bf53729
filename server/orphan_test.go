package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// crowded is a server of at most one client, where one is being answered and others are in the queue, with their requests.
type crowded struct {
	*running
	first  net.Conn
	queued []net.Conn
	answer chan struct{} // closed: the first gets its answer
	served atomic.Int32
}

func newCrowded(t *testing.T, change func(*Options)) *crowded {
	c := &crowded{answer: make(chan struct{})}
	begun := make(chan struct{})
	c.running = start(t, func(w http.ResponseWriter, r *http.Request) {
		if c.served.Add(1) == 1 {
			close(begun)
			<-c.answer
		}
		hello(w, r)
	}, func(o *Options) {
		o.Limits.Clients = 1
		if change != nil {
			change(o)
		}
	})
	c.first = c.dial(t)
	sendHello(t, c.first)
	<-begun
	for range 5 {
		conn := c.dial(t)
		sendHello(t, conn)
		c.queued = append(c.queued, conn)
	}
	return c
}

func sendHello(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// answered wants the greeting of hello and then the end of the connection.
func answered(t *testing.T, c net.Conn) {
	t.Helper()
	text, err := io.ReadAll(c)
	if err != nil || !strings.HasSuffix(string(text), string(helloBody)) {
		t.Errorf("received %q, error %v", text, err)
	}
}

// wants waits until a condition holds, for ten seconds at most.
func wants(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// TestDrainOrphan: a server that is alone with a socket answers who is in its queue, also if they have to wait for a place, and refuses
// everybody else. Connections that are greeted come another way.
func TestDrainOrphan(t *testing.T) {
	for name, change := range map[string]func(*Options){"plain": nil, "greeted": func(o *Options) { o.H2C = true }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowded(t, change)
			drained := make(chan error, 1)
			go func() { drained <- c.Drain(t.Context(), 0) }()
			wants(t, "the socket is an orphan", c.listeners[0].orphan.Load)
			late := make(chan error, 1)
			go func() {
				conn, err := net.DialTimeout("tcp", c.addr, 10*time.Second)
				if err == nil {
					conn.Close()
				}
				late <- err
			}()
			close(c.answer)
			for _, conn := range append(c.queued, c.first) {
				answered(t, conn)
			}
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
			if err := <-late; !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a client that came afterwards: %v", err)
			}
			if err := <-c.done; err != nil {
				t.Errorf("Serve: %v", err)
			}
			c.done <- nil // for close
		})
	}
}

// TestDrainOrphanInVain: when there is no time left, or nobody has begun to accept, the socket is closed all the same.
func TestDrainOrphanInVain(t *testing.T) {
	c := newCrowded(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan error, 1)
	go func() { drained <- c.Drain(ctx, 0) }()
	wants(t, "the socket is an orphan", c.listeners[0].orphan.Load)
	cancel()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v", err)
	}
	refuses(t, c.addr)
	close(c.answer)

	socket := listenTCP(t)
	never := New(Options{Listeners: []Listener{{Socket: socket}}, Handler: http.HandlerFunc(hello), ErrorLog: &testLog{}})
	if err := never.Drain(t.Context(), 0); err != nil {
		t.Errorf("Drain before Serve: %v", err)
	}
	refuses(t, socket.Addr().String())
}

// TestDrainOrphanStrange: a socket that cannot be kept from getting new connections is closed, and the log says what that means.
func TestDrainOrphanStrange(t *testing.T) {
	s := start(t, hello, func(o *Options) { o.Listeners[0].Socket = &sickListener{Listener: o.Listeners[0].Socket} })
	get(t, s.dial(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Drain(ctx, 0)
	refuses(t, s.addr)
	if !strings.Contains(s.log.text(), "are lost") {
		t.Errorf("the log has %q", s.log.text())
	}
}

// refuses wants a refused connection.
func refuses(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s: %v", addr, err)
	}
}
