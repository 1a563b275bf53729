package fastcgi

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// ErrBusy is returned by Do when no connection became free in time.
var ErrBusy = errors.New("all processes are busy, and none became free in time")

// A Pool is the connections to one application. Any goroutine may use it.
//
// The application has as many processes as there may be connections, and each process serves one of them until it is closed, as
// php-cgi does. So there are never more connections open, idle ones included, than there are processes to accept them.
type Pool struct {
	Stuck func() // is called when all processes are at requests that have timed out; set it before the first request. nil: nobody is

	dial    func(ctx context.Context) (net.Conn, error)
	timeout time.Duration
	places  chan struct{} // one for each connection in use

	mu     sync.Mutex
	idle   []*conn // the one used last is the last
	lost   int     // connections whose requests have timed out, and whose processes are still at them
	closed bool
}

// NewPool returns a pool of at most size connections, which dial makes. The timeout, which must be more than 0, is how long a
// request waits for a connection, and how long the application may neither send nor take a byte.
func NewPool(size int, timeout time.Duration, dial func(ctx context.Context) (net.Conn, error)) *Pool {
	return &Pool{dial: dial, timeout: timeout, places: make(chan struct{}, size)}
}

// Do sends a request and returns its response when its first bytes are there; Close it. The end of ctx closes the connection.
//
// A request that is not idempotent, or has a body, gets a connection of its own: an idle one may be about to be closed by a process
// that has served its number of requests, and whether the request was begun could not be told then.
func (p *Pool) Do(ctx context.Context, r *Request) (*Response, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	if r.Idempotent && r.Body == nil {
		out, err, done := p.doAgain(ctx, r)
		if done {
			return out, err
		}
	}
	return p.doFresh(ctx, r)
}

// doAgain is Do on an idle connection. It is not done, and still has the place, if there was none, or if it has failed at once.
func (p *Pool) doAgain(ctx context.Context, r *Request) (out *Response, err error, done bool) {
	c := p.takeIdle()
	if c == nil {
		return nil, nil, false
	}
	out, err = begin(ctx, p, c, r)
	if err == nil || ctx.Err() != nil || isTimeout(err) {
		return out, err, true
	}
	err = p.enter(ctx)
	return nil, err, err != nil
}

// doFresh is Do on a new connection.
func (p *Pool) doFresh(ctx context.Context, r *Request) (*Response, error) {
	p.makeRoom()
	dialing, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	c, err := p.dial(dialing)
	if err != nil {
		<-p.places
		return nil, err
	}
	return begin(ctx, p, newConn(c, p.timeout), r)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// enter waits for a place.
func (p *Pool) enter(ctx context.Context) error {
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	select {
	case p.places <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// takeIdle takes the idle connection that was used last and is alive; nil if there is none.
func (p *Pool) takeIdle() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if c.isAlive() {
			return c
		}
		_ = c.Close()
	}
	return nil
}

// makeRoom closes an idle connection if every process may have one: the new connection needs a process that accepts it. The
// caller has a place.
func (p *Pool) makeRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) > 0 && len(p.idle)+len(p.places) > cap(p.places) {
		_ = p.idle[0].Close()
		p.idle = p.idle[1:]
	}
}

// release takes a connection back that is not used any more, and gives up its place.
func (p *Pool) release(c *conn, good bool) {
	if good {
		p.keep(c)
	}
	<-p.places
}

// abandon waits until the process at the other end of a connection that was given up is free, or shows that it lives: then it will
// notice that nobody listens. Until that it can serve no other, so its place is not free either.
func (p *Pool) abandon(c *conn) {
	p.lose()
	_ = c.SetReadDeadline(time.Time{})
	_, _ = c.Conn.Read(make([]byte, 1))
	_ = c.Close()
	p.mu.Lock()
	p.lost--
	p.mu.Unlock()
	<-p.places
}

func (p *Pool) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost++; p.lost == cap(p.places) && p.Stuck != nil && !p.closed {
		go p.Stuck()
	}
}

func (p *Pool) keep(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

// Close closes the idle connections; those in use are closed when their requests are over.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}
