package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A sharedSocket is a listening socket that several servers accept on, as processes do that have inherited it.
type sharedSocket struct{ file *os.File }

func newSharedSocket(t *testing.T) (sharedSocket, string) {
	t.Helper()
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	file, err := first.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return sharedSocket{file}, first.Addr().String()
}

// server makes one that does not accept yet.
func (s sharedSocket) server(t *testing.T, handler http.HandlerFunc, timeouts Timeouts) *Server {
	t.Helper()
	socket, err := net.FileListener(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Listeners: []Listener{{Socket: socket}}, Handler: handler, Timeouts: timeouts, ErrorLog: &testLog{}})
}

// TestDrainLosesNothing: clients that keep their connections as long as they may, a server that takes over from another
// every few hundred requests, and not one request without its answer.
func TestDrainLosesNothing(t *testing.T) {
	const clients, generations, share = 16, 8, 300
	socket, addr := newSharedSocket(t)
	var served atomic.Int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		served.Add(1)
		hello(w, r)
	}
	ctx, stop := context.WithCancel(t.Context())
	var hammering sync.WaitGroup
	defer hammering.Wait()
	defer stop()
	current := socket.server(t, handler, Timeouts{KeepAlive: 10 * time.Second})
	go func() { _ = current.Serve() }()
	for i := range clients {
		hammering.Go(func() { hammer(ctx, t, addr, i) })
	}
	for g := range generations {
		for goal := int64((g + 1) * share); served.Load() < goal && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		next := socket.server(t, handler, Timeouts{KeepAlive: 10 * time.Second})
		go func() { _ = next.Serve() }()
		if err := current.Drain(t.Context()); err != nil {
			t.Errorf("Drain: %v", err)
		}
		if n := current.Counters(); n.Connections.Open != 0 || n.Requests == 0 {
			t.Errorf("after Drain %+v", n)
		}
		current = next
	}
	stop()
	hammering.Wait()
	if err := current.Drain(t.Context()); err != nil {
		t.Errorf("the last Drain: %v", err)
	}
}

// hammer sends requests on one connection after the other, and gives a connection up only when a response says so. Any
// failure is an error.
func hammer(ctx context.Context, t *testing.T, addr string, client int) {
	for ctx.Err() == nil && !t.Failed() {
		if err := hammerOnce(ctx, addr, client); err != nil {
			t.Errorf("client %d: %v", client, err)
		}
	}
}

// hammerOnce uses one connection until the server wants it closed.
func hammerOnce(ctx context.Context, addr string, client int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	in := bufio.NewReader(c)
	for n := 0; ctx.Err() == nil; n++ {
		if client%4 == 0 {
			time.Sleep(time.Duration(n%5) * time.Millisecond) // idle when the server decides to leave
		}
		request := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
		if client%4 == 1 {
			request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
		}
		if _, err := io.WriteString(c, request); err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		last, err := readHello(in)
		if err != nil {
			return fmt.Errorf("response %d: %w", n, err)
		}
		if last {
			return nil
		}
	}
	return nil
}

// readHello reads a response of hello and reports whether it is the last of its connection.
func readHello(in *bufio.Reader) (last bool, err error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || string(body) != string(helloBody)) {
		err = fmt.Errorf("%s: %q", resp.Status, body)
	}
	return resp.Close, err
}

// TestDrainWaits: an idle connection may send one more request, also one that was only accepted; the answers end the
// connections, and the socket is somebody else's by then.
func TestDrainWaits(t *testing.T) {
	accepted := make(chan bool, 2)
	s := start(t, hello, func(o *Options) { o.Listeners[0].Socket = tellingListener{o.Listeners[0].Socket, accepted} })
	idle, fresh := s.dial(t), s.dial(t)
	<-accepted
	<-accepted
	get(t, idle)
	drained := make(chan error)
	go func() { drained <- s.Drain(t.Context()) }()
	if err := <-s.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	s.done <- nil
	if c, err := net.DialTimeout("tcp", s.addr, 5*time.Second); err == nil {
		c.Close()
		t.Error("a new connection was accepted")
	}
	for _, c := range []net.Conn{idle, fresh} {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(c)
		if last, err := readHello(in); err != nil || !last {
			t.Errorf("last response %t, error %v", last, err)
		}
		if n, err := in.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after it %d bytes, error %v; want the end", n, err)
		}
		c.Close()
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
}

// TestDrainKeepAlive: a connection that says nothing more ends with its keep-alive time.
func TestDrainKeepAlive(t *testing.T) {
	s := start(t, hello, func(o *Options) { o.Timeouts.KeepAlive = 50 * time.Millisecond })
	c := s.dial(t)
	get(t, c)
	if err := s.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection gave %d bytes, error %v; want the end", n, err)
	}
}

// TestDrainEnds: when the time is up, what is open is closed as it stands.
func TestDrainEnds(t *testing.T) {
	s := start(t, hello, nil)
	c := s.dial(t)
	get(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v, want that it was cancelled", err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("the idle connection gave %d bytes", n)
	}
}

// TestShutdownDuringDrain: Drain waits for an idle connection, Shutdown does not.
func TestShutdownDuringDrain(t *testing.T) {
	s := start(t, hello, nil)
	c := s.dial(t)
	get(t, c)
	drained := make(chan error)
	go func() { drained <- s.Drain(t.Context()) }()
	<-s.stopping
	go s.close(t)
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle connection gave %d bytes, error %v; want the end", n, err)
	}
	c.Close()
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
	s.close(t)
}

// TestServeLater: New accepts nothing, and neither does a server that was drained before Serve.
func TestServeLater(t *testing.T) {
	socket, addr := newSharedSocket(t)
	never := socket.server(t, func(http.ResponseWriter, *http.Request) { t.Error("served by the wrong one") }, Timeouts{})
	later := socket.server(t, hello, Timeouts{KeepAlive: time.Minute})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := never.Drain(t.Context()); err != nil {
		t.Errorf("Drain: %v", err)
	}
	if err := never.Serve(); err != nil {
		t.Errorf("Serve after Drain: %v", err)
	}
	served := make(chan error)
	go func() { served <- later.Serve() }()
	get(t, c) // which was connected before anybody accepted
	c.Close()
	if err := later.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// A lateListener is in the middle of an accept when it is closed: its only connection comes after that.
type lateListener struct {
	net.Listener
	once   sync.Once // net/http closes it as well
	closed chan struct{}
	late   chan net.Conn
}

func (l *lateListener) Accept() (net.Conn, error) {
	if c, ok := <-l.late; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *lateListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *lateListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestDrainLateAccept: Drain does not return while an accept is under way, and then serves what it gave.
func TestDrainLateAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lateListener{closed: make(chan struct{}), late: make(chan net.Conn)}
		s := New(Options{Listeners: []Listener{{Socket: l}}, Handler: http.HandlerFunc(hello), ErrorLog: &testLog{}})
		go func() { _ = s.Serve() }()
		synctest.Wait()
		var drained atomic.Bool
		go func() {
			if err := s.Drain(context.Background()); err != nil {
				t.Errorf("Drain: %v", err)
			}
			drained.Store(true)
		}()
		<-l.closed
		synctest.Wait()
		if drained.Load() {
			t.Fatal("Drain has not waited for the accept")
		}
		c, serverSide := net.Pipe()
		l.late <- serverSide
		close(l.late)
		get(t, c)
		c.Close()
		synctest.Wait()
		if !drained.Load() {
			t.Error("Drain waits although the connection is gone")
		}
	})
}

// TestCloseDoesNotReset: a client that says more than is wanted gets its whole answer, then the end, and no reset.
func TestCloseDoesNotReset(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		hello(w, r)
	}, nil)
	c := s.dial(t)
	in := bufio.NewReader(c)
	request := "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	if _, err := io.WriteString(c, strings.Repeat(request, 3)); err != nil {
		t.Fatal(err)
	}
	if last, err := readHello(in); err != nil || !last {
		t.Fatalf("last response %t, error %v", last, err)
	}
	for range 20 { // the server has closed its side by now, and must go on listening
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatalf("the connection was reset: %v", err)
		}
	}
	if n, err := in.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the response %d bytes, error %v; want the end", n, err)
	}
}
