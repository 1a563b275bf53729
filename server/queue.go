package server

import "net"

// A greeted connection is ready for its engine.
type greeted interface {
	net.Conn
	drop() // ends it as it stands, if no engine takes it
}

// A queue brings connections to an engine, as the listener that this accepts from.
type queue struct {
	conns chan greeted
	over  <-chan struct{} // closed when nothing more will be served
}

func newQueue(over <-chan struct{}) *queue { return &queue{conns: make(chan greeted), over: over} }

// pass gives a connection to the engine.
func (q *queue) pass(c greeted) {
	select {
	case q.conns <- c:
	case <-q.over:
		c.drop()
	}
}

// dropAll takes the place of an engine that does not accept any more.
func (q *queue) dropAll() {
	for {
		select {
		case c := <-q.conns:
			c.drop()
		case <-q.over:
			return
		}
	}
}

// Accept implements net.Listener.
func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.over:
		return nil, net.ErrClosed
	}
}

// Close does nothing: an engine that shuts down closes its listeners, but connections may still be in their handshake.
func (q *queue) Close() error { return nil }

// Addr implements net.Listener.
func (q *queue) Addr() net.Addr { return &net.TCPAddr{} }
