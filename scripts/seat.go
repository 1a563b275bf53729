package scripts

import (
	"gild/cpython"
	"gild/server"
)

// connection is what the engine keeps for a connection.
type connection struct {
	addresses *cpython.Block // keys of environ that all its requests share
	seat      *cpython.Seat  // the thread that serves it; nil: any
}

// ConnectionEnd gives the thread back.
func (c *connection) ConnectionEnd() {
	if c.seat != nil {
		c.seat.Close()
	}
}

// connectionOf returns what is kept for the connection, made by its first request.
func connectionOf(x *server.Exchange) *connection {
	note := x.Note()
	if c, ok := (*note).(*connection); ok {
		return c
	}
	c := new(connection)
	*note = c
	return c
}

// seat is the thread that has to serve the request, or nil if it does not matter. The first request of a connection takes one
// under the worker and prefork MPMs, and another one when its process is about to go.
func (e *Engine) seat(g *group, x *server.Exchange) (*cpython.Seat, error) {
	if !g.seats {
		return nil, nil
	}
	c := connectionOf(x)
	if c.seat != nil && c.seat.Valid() {
		return c.seat, nil
	}
	if c.seat != nil {
		c.seat.Close()
		c.seat = nil
	}
	seat, err := g.pool.TakeSeat(x.Request.Context())
	c.seat = seat
	return seat, err
}
