package integration

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// line is the connection that some clients of a crowd share, by HTTP/2 or HTTP/3: one after the other, as the server
// wishes. A request of which the server says that it was not served (RFC 9113 section 8.7, RFC 9114 section 4.1.1) goes to the
// next connection with the same number, and no other does.
type line struct {
	c        *crowd
	protocol string
	mu       sync.Mutex
	on       *session // nil: to be opened
	all      []*session
}

// joinLine adds clients that share one connection.
func (c *crowd) joinLine(protocol string, clients int) {
	l := &line{c: c, protocol: protocol}
	for range clients {
		c.all.Go(func() {
			for !c.over() {
				l.ask()
			}
		})
	}
	c.t.Cleanup(l.hangUp)
}

// ask makes one request, on as many connections as it takes.
func (l *line) ask() {
	number, version, began := l.c.numbers.Add(1), l.c.version.Load(), time.Now()
	for range 10 {
		on, err := l.connection()
		if err != nil {
			l.c.note(number, 0, 0, loss{err: err})
			return
		}
		pid, how := on.exchange(number, version)
		if !unserved(how.err) {
			l.c.note(number, pid, time.Since(began), how)
			return
		}
		l.leave(on)
	}
	l.c.note(number, 0, 0, loss{err: errors.New("ten connections in a row did not want the request")})
}

// exchange sends a request and reads its answer.
func (on *session) exchange(number, version int64) (pid int, how loss) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s://gild.example/?%d", on.scheme, number), nil)
	if err != nil {
		return 0, loss{err: err}
	}
	answer, err := on.RoundTrip(r)
	if err != nil {
		return 0, loss{torn: isReset(err), err: err}
	}
	defer answer.Body.Close()
	return read(answer, number, version)
}

// connection is the one to use now.
func (l *line) connection() (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on != nil {
		return l.on, nil
	}
	on, err := l.c.g.dialSession(l.protocol, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		l.on, l.all = on, append(l.all, on)
	}
	return on, err
}

// leave gives a connection up for new requests; those that it has go on.
func (l *line) leave(on *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on == on {
		l.on = nil
	}
}

func (l *line) hangUp() {
	for _, on := range l.all {
		on.Close()
	}
}

// isReset reports whether the server has torn a response: with HTTP/3 its reset may overtake the head.
func isReset(err error) bool {
	var reset *http3.Error
	return errors.As(err, &reset) && reset.ErrorCode == http3.ErrCodeInternalError
}

// unserved reports whether an error says that the request was not sent, or that the server has not looked at it.
func unserved(err error) bool {
	var reset *http3.Error
	if err == nil || errors.As(err, &reset) && reset.ErrorCode == http3.ErrCodeRequestRejected {
		return err != nil
	}
	for _, text := range []string{
		"graceful shutdown",     // GOAWAY before the request was sent, or with the number of an older stream
		"REFUSED_STREAM",        // of HTTP/2
		"client conn is closed", // before the request was sent
		"conn not usable",       // likewise
	} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
