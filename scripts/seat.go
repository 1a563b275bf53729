package scripts

import (
	"context"

	"gild/cpython"
	"gild/server"
)

// connection is what the engine keeps for a connection of HTTP/1, or for a stream of HTTP/2 and HTTP/3, which is a connection
// of one request: streams run side by side, and each needs a thread.
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

// seat is the thread that has to serve the requests of a connection, or nil if it does not matter. The first request takes
// one under the worker and prefork MPMs, and another one when its process is about to go.
func (g *group) seat(ctx context.Context, c *connection) (*cpython.Seat, error) {
	if !g.seats {
		return nil, nil
	}
	if c.seat != nil && c.seat.Valid() {
		return c.seat, nil
	}
	if c.seat != nil {
		c.seat.Close()
		c.seat = nil
	}
	seat, err := g.pool.TakeSeat(ctx)
	c.seat = seat
	return seat, err
}
