package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestGate: accepting stops at the limit and goes on when a connection is closed.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		first, second := &socket{}, &socket{}
		g.enter(first)
		if !g.wait() {
			t.Fatal("refused below the limit")
		}
		g.enter(second)
		var passed, result atomic.Bool
		go func() { result.Store(g.wait()); passed.Store(true) }()
		synctest.Wait()
		if passed.Load() {
			t.Fatal("passed at the limit")
		}
		g.leave(first)
		g.leave(first) // closing twice must not make room for two
		synctest.Wait()
		if !passed.Load() || !result.Load() {
			t.Fatal("not passed below the limit")
		}
		g.enter(first)
		passed.Store(false)
		go func() { result.Store(g.wait()); passed.Store(true) }()
		g.close()
		synctest.Wait()
		if !passed.Load() || result.Load() {
			t.Fatal("a closed gate must end the wait with false")
		}
	})
}

// TestClients is the limit from outside: a third client is served as soon as one of two leaves.
func TestClients(t *testing.T) {
	s := start(t, hello, func(o *Options) { o.Limits.Clients = 2 })
	first, second, third := s.dial(t), s.dial(t), s.dial(t)
	get(t, first)
	get(t, second)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	get(t, third)
}

// get asks for the root and wants the greeting of hello.
func get(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	for text := ""; !strings.HasSuffix(text, string(helloBody)); {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		text += string(buf[:n])
	}
}

// A sickListener fails some times before each connection.
type sickListener struct {
	net.Listener
	err   error
	times int
}

func (l *sickListener) Accept() (net.Conn, error) {
	if l.times > 0 {
		l.times--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", l.err)}
	}
	return l.Listener.Accept()
}

// TestShortage: without descriptors the server waits, says so once, and goes on.
func TestShortage(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ECONNABORTED} {
		s := start(t, hello, func(o *Options) {
			o.Listeners[0].Socket = &sickListener{o.Listeners[0].Socket, errno, 3}
		})
		get(t, s.dial(t))
		s.close(t)
		if n := strings.Count(s.log.text(), "Cannot accept connections"); n != 1 {
			t.Errorf("%v: reported %d times, want once:\n%s", errno, n, s.log.text())
		}
	}
}

// TestListenerFails: any other error ends Serve with it, and with the other listeners.
func TestListenerFails(t *testing.T) {
	sick, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	well, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{
		Listeners: []Listener{{Socket: well}, {Socket: &sickListener{sick, syscall.EINVAL, 1}}},
		Handler:   http.HandlerFunc(hello),
		ErrorLog:  &testLog{},
	})
	if err := s.Serve(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Serve: %v, want EINVAL", err)
	}
	if c, err := net.DialTimeout("tcp", well.Addr().String(), 5*time.Second); err == nil {
		c.Close()
		t.Error("the other listener is still open")
	}
}
