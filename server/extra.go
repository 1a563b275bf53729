package server

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"gild/logs"
)

// An ExtraListener is a socket beside the site: the status socket, the metrics address. Its requests pass no phases, count
// nowhere and are not logged; the handler gets no Exchange. Every connection serves one request.
type ExtraListener struct {
	Socket  net.Listener // the Server takes it over. A UNIX socket's file is removed only if net.Listen made it
	Handler http.Handler
}

// Bounds of an extra listener, which serves administrators and their tools.
const (
	extraClients = 32 // connections open at once
	extraHead    = 8 << 10
	extraRead    = 5 * time.Second  // for a whole request
	extraWrite   = 10 * time.Second // for a whole response
)

// newExtra sets up the server of one extra listener.
func (s *Server) newExtra(l ExtraListener) *http.Server {
	e := &http.Server{
		Handler:        l.Handler,
		MaxHeaderBytes: extraHead,
		ReadTimeout:    extraRead,
		WriteTimeout:   extraWrite,
		ErrorLog:       log.New(engineLog{s.errorLog}, "", 0),
	}
	e.SetKeepAlivesEnabled(false) // a client that is kept would go on asking a server that drains
	return e
}

// serveExtra starts the extra listeners. The site goes on without one that fails.
func (s *Server) serveExtra() {
	for i, l := range s.extra {
		go func() {
			err := s.extraServers[i].Serve(&boundedListener{Listener: l.Socket, places: make(chan struct{}, extraClients)})
			if !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
				logs.Printf(s.errorLog, logs.Error, "core",
					"Cannot accept connections on %s any more: %v. What was served there is gone until the next restart; the site is not affected.",
					l.Socket.Addr(), err)
			}
		}()
	}
}

// closeExtra ends the extra servers. Who is just reading a page gets a second.
func (s *Server) closeExtra() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, e := range s.extraServers {
		if e.Shutdown(ctx) != nil {
			_ = e.Close()
		}
	}
}

// A boundedListener has no more connections open than it has places. Further clients wait in the listen queue.
type boundedListener struct {
	net.Listener
	places chan struct{}
}

// Accept implements net.Listener. While all places are taken it waits for one, at most as long as the timeouts let a
// client stay.
func (l *boundedListener) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// A boundedConn gives its place back when it is closed.
type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
