package server

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gild/logs"
)

// A client is an open connection, whatever protocol it speaks: a socket, or a connection of QUIC. Any goroutine may call its
// methods.
type client interface {
	standing() http.ConnState // StateNew, StateActive, StateIdle, or StateHijacked: a tunnel
	hurryAlong()              // Shutdown has begun: end unless a request is running, or about to come
	abort()                   // end as it stands
}

// A gate counts the open connections of all listeners and holds up accepting at the limit, so that further clients wait
// in the listen queue, where another worker can take them.
type gate struct {
	mu     sync.Mutex
	cond   sync.Cond // signals that a connection was closed, or that the gate is
	limit  int
	conns  map[client]struct{}
	closed bool

	accepting int // accepts that are under way, or to come although the server drains: each may give a connection
}

func newGate(limit int) *gate {
	g := &gate{limit: limit, conns: make(map[client]struct{})}
	g.cond.L = &g.mu
	return g
}

// wait blocks while the limit is reached. It reports false when the gate is closed; else settle has to follow.
func (g *gate) wait() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.conns) >= g.limit && !g.closed {
		g.cond.Wait()
	}
	if !g.closed {
		g.accepting++
	}
	return !g.closed
}

// hold is a wait that does not wait and cannot fail: settle has to follow.
func (g *gate) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepting++
}

// settle is called when an accept is over: its connection, if there is one, has entered.
func (g *gate) settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepting--
	g.cond.Broadcast()
}

func (g *gate) enter(c client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = struct{}{}
}

// leave may be called more than once for a connection.
func (g *gate) leave(c client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	g.cond.Broadcast()
}

// full reports whether the limit is reached.
func (g *gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.conns) >= g.limit
}

// close ends every wait for a place. It does not touch the connections.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.cond.Broadcast()
}

// each calls f for the connections that are open now; f must not call back into the gate.
func (g *gate) each(f func(client)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		f(c)
	}
}

// greets reports whether there is a connection whose protocol is not known yet.
func (g *gate) greets() (yes bool) {
	g.each(func(c client) {
		k, ok := c.(*socket)
		yes = yes || ok && k.greeting.Load()
	})
	return yes
}

// empty returns a channel that is closed when there is no connection and none to come. The gate is closed or held.
func (g *gate) empty() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.mu.Lock()
		defer g.mu.Unlock()
		for len(g.conns)+g.accepting > 0 {
			g.cond.Wait()
		}
	}()
	return done
}

// A listener is one socket as net/http sees it: Accept obeys the gate and survives a shortage of descriptors.
type listener struct {
	Listener
	server *Server
	orphan atomic.Bool   // nobody else accepts: what is queued is accepted while the server drains, see orphan.go
	ended  chan struct{} // closed when serve has returned
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.Socket.Addr() }

// Close implements net.Listener.
func (l *listener) Close() error { return l.Socket.Close() }

// Accept returns the next connection, a *conn. Its error is final.
func (l *listener) Accept() (net.Conn, error) {
	k, err := l.next()
	if err != nil {
		return nil, err
	}
	return l.server.newConn(k, nil), nil
}

// next returns the socket of the next connection.
func (l *listener) next() (*socket, error) {
	var pause time.Duration
	for l.server.gate.wait() {
		k, err := l.acceptOne()
		if err == nil {
			return k, nil
		}
		if l.orphan.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			_ = l.Close()
			return nil, net.ErrClosed // which net/http, unlike a deadline, takes for final
		}
		if !isShortage(err) {
			return nil, err
		}
		pause = l.backOff(pause, err)
	}
	return nil, net.ErrClosed
}

// acceptOne follows a wait at the gate. Shutdown cannot miss a connection that is accepted while it closes the socket.
func (l *listener) acceptOne() (*socket, error) {
	defer l.server.gate.settle()
	if l.orphan.Load() {
		l.expectLast()
	}
	c, err := l.Socket.Accept()
	if err != nil {
		return nil, err
	}
	return l.server.newSocket(c, &l.Info, l.server.greets(l)), nil
}

// serve accepts connections until the socket is closed.
func (l *listener) serve() error {
	defer close(l.ended)
	if !l.server.greets(l) {
		return l.server.http.Serve(l)
	}
	for {
		k, err := l.next()
		if err != nil {
			return err
		}
		go l.server.greet(k, l.isHTTPS())
	}
}

// backOff waits after a failed accept, 10 ms first and twice as long each time up to a second, and returns how long. Only the
// first failure in a row is logged: the log would be the next to run out of something.
func (l *listener) backOff(last time.Duration, err error) time.Duration {
	if last == 0 {
		logs.Printf(l.server.errorLog, logs.Error, "core",
			"Cannot accept connections on %s: %v. Trying again until it works; raise the limit of open files (ulimit -n) or lower --max-clients.",
			l.Addr(), err)
	}
	pause := min(max(2*last, 10*time.Millisecond), time.Second)
	select {
	case <-time.After(pause):
	case <-l.server.stopping:
	}
	return pause
}

// isShortage reports whether accept may work later: the process or the system lacks something, or the client was gone
// before it was accepted (accept(2) lists both).
func isShortage(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
