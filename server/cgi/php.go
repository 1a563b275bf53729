package cgi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"gild/logs"
	"gild/server/cgi/fastcgi"

	"github.com/pkg/errors"
)

// PHP answers with processes of php-cgi, which it starts, watches and ends. They are reached by FastCGI, on a socket that only this
// process can connect to, and end with this process.
type PHP struct {
	pool   *fastcgi.Pool
	socket *privateSocket
	master *master
	ahead  atomic.Int64 // bytes of output that clients have not taken yet
}

// PHPOptions are those of StartPHP.
type PHPOptions struct {
	Program   string        // absolute path of php-cgi
	Processes int           // how many requests are served at once, at least 1
	Timeout   time.Duration // how long a request waits for a process, and how long PHP may neither print nor take a byte; more than 0
	Log       logs.Logger
}

// StartPHP starts php-cgi. It returns before that is known to work: the log tells, and requests wait or are refused meanwhile.
func StartPHP(o PHPOptions) (*PHP, error) {
	socket, err := newPrivateSocket()
	if err != nil {
		return nil, err
	}
	environ := append(Environment("PHPRC", "PHP_INI_SCAN_DIR", "PHP_FCGI_MAX_REQUESTS"), "PHP_FCGI_CHILDREN="+strconv.Itoa(o.Processes))
	p := &PHP{
		pool:   fastcgi.NewPool(o.Processes, o.Timeout, socket.dial),
		socket: socket,
		master: newMaster(o.Program, environ, socket.listener, o.Log),
	}
	p.pool.Stuck = func() { p.master.replace("all its processes are at requests that have timed out") }
	go p.master.supervise()
	return p, nil
}

// Close ends php-cgi and waits until it has gone, for a few seconds at most. Requests are over by then, or get an error.
func (p *PHP) Close() {
	p.pool.Close()
	p.master.end()
	p.socket.close()
}

// Run implements Gateway.
func (p *PHP) Run(ctx context.Context, q *Request) (Output, error) {
	if !p.master.isUp() {
		return nil, &Error{http.StatusServiceUnavailable, "php-cgi is not running: it ended and will be started again"}
	}
	w := &lineWriter{line: q.Stderr}
	ctx, cancel := context.WithCancel(ctx)
	out, err := p.pool.Do(ctx, &fastcgi.Request{Environ: q.Environ, Body: q.Body, Idempotent: q.Idempotent,
		Stderr: func(text []byte) { _, _ = w.Write(text) }})
	if err != nil {
		cancel()
		w.finish()
		return nil, phpError(err)
	}
	return readAhead(&phpOutput{out, w}, cancel, &p.ahead), nil
}

// phpError is why there is no response of PHP.
func phpError(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err == fastcgi.ErrBusy:
		return &Error{http.StatusServiceUnavailable, fmt.Sprintf("PHP: %v; --php-processes is how many there are", err)}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{http.StatusGatewayTimeout, "PHP: Script timed out before returning headers"}
	}
	return &Error{http.StatusBadGateway, fmt.Sprintf("PHP: %v", err)}
}

// phpOutput is a response of PHP with the rest of its messages.
type phpOutput struct {
	*fastcgi.Response
	messages *lineWriter
}

// Close implements Output.
func (o *phpOutput) Close() error {
	o.messages.finish()
	return o.Response.Close()
}
