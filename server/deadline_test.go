package server

import (
	"net"
	"os"
	"testing"
	"time"
)

// A stubConn is a socket whose writes are scripted: each takes some bytes and ends in an error or not.
type stubConn struct {
	net.Conn
	script []stubWrite
	armed  int
}

type stubWrite struct {
	n   int
	err error
}

func (c *stubConn) Write(p []byte) (int, error) {
	w := c.script[0]
	c.script = c.script[1:]
	return w.n, w.err
}

func (c *stubConn) SetReadDeadline(time.Time) error { return nil }

func (c *stubConn) SetWriteDeadline(time.Time) error {
	c.armed++
	return nil
}

func (c *stubConn) Close() error { return nil }

// TestWriteProgress: a client that takes something before each timer fires is slow, one that takes nothing is gone.
func TestWriteProgress(t *testing.T) {
	const all = 10
	late := os.ErrDeadlineExceeded
	cases := []struct {
		name    string
		timeout time.Duration // -1 has passed when the timer fires
		script  []stubWrite
		n       int
		gone    bool
	}{
		{"at once", time.Hour, []stubWrite{{all, nil}}, all, false},
		{"timer of an earlier write", time.Hour, []stubWrite{{0, late}, {all, nil}}, all, false},
		{"progress each time", time.Hour, []stubWrite{{4, late}, {4, late}, {2, nil}}, all, false},
		{"nothing taken in time", -1, []stubWrite{{0, late}}, 0, true},
		{"nothing taken after a while", -1, []stubWrite{{4, nil}, {0, late}}, 4, true},
		{"reset", time.Hour, []stubWrite{{4, net.ErrClosed}}, 4, true},
	}
	for _, c := range cases {
		stub := &stubConn{script: c.script}
		s := &Server{timeouts: Timeouts{Write: c.timeout}, gate: newGate(1)}
		conn := s.newConn(stub, nil)
		n, err := 0, error(nil)
		for n < all && err == nil {
			var m int
			m, err = conn.send(make([]byte, all-n))
			n += m
		}
		if n != c.n || (err != nil) != c.gone || conn.gone() != c.gone {
			t.Errorf("%s: wrote %d, error %v, gone %t; want %d, %t", c.name, n, err, conn.gone(), c.n, c.gone)
		}
	}
}

// TestDeadlineIsLazy: the timer of the socket is set once for many operations within the same timeout.
func TestDeadlineIsLazy(t *testing.T) {
	stub := &stubConn{}
	s := &Server{timeouts: Timeouts{Write: time.Hour}, gate: newGate(1)}
	conn := s.newConn(stub, nil)
	for range 100 {
		stub.script = []stubWrite{{1, nil}}
		if _, err := conn.send([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if stub.armed != 1 {
		t.Errorf("100 writes set the deadline %d times, want 1", stub.armed)
	}
}

// TestDeadlineShortens: a wait that is to end sooner than the timer has to set it.
func TestDeadlineShortens(t *testing.T) {
	var armed []time.Time
	d := deadline{arm: func(at time.Time) error { armed = append(armed, at); return nil }}
	now := time.Now()
	for _, wait := range []time.Duration{10, 20, 5, 7} {
		d.want = now.Add(wait * time.Hour)
		d.prepare()
	}
	if len(armed) != 2 || !armed[1].Equal(now.Add(5*time.Hour)) {
		t.Errorf("timer set to %v, want 10 h and 5 h from %v", armed, now)
	}
}
