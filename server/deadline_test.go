package server

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A stubConn is a socket whose writes are scripted: each takes some bytes and ends in an error or not.
type stubConn struct {
	net.Conn
	script []stubWrite
	armed  int
}

type stubWrite struct {
	takes time.Duration
	n     int
	err   error
}

func (c *stubConn) Write(p []byte) (int, error) {
	w := c.script[0]
	c.script = c.script[1:]
	time.Sleep(w.takes)
	return w.n, w.err
}

func (c *stubConn) LocalAddr() net.Addr { return nil }

func (c *stubConn) SetReadDeadline(time.Time) error { return nil }

func (c *stubConn) SetWriteDeadline(time.Time) error {
	c.armed++
	return nil
}

func (c *stubConn) Close() error { return nil }

var progressCases = []struct {
	name   string
	script []stubWrite
	n      int
	gone   bool
}{
	{"at once", []stubWrite{{0, 10, nil}}, 10, false},
	{"timer of an earlier write", []stubWrite{{1, 0, os.ErrDeadlineExceeded}, {0, 10, nil}}, 10, false},
	{"progress each time", []stubWrite{{time.Minute, 4, os.ErrDeadlineExceeded}, {time.Minute, 4, os.ErrDeadlineExceeded}, {0, 2, nil}}, 10, false},
	{"nothing taken in time", []stubWrite{{time.Minute, 0, os.ErrDeadlineExceeded}}, 0, true},
	{"nothing taken after a while", []stubWrite{{time.Minute, 4, os.ErrDeadlineExceeded}, {time.Minute, 0, os.ErrDeadlineExceeded}}, 4, true},
	{"reset", []stubWrite{{0, 4, net.ErrClosed}}, 4, true},
}

// TestWriteProgress: a client that takes something before each timer fires is slow, one that takes nothing is gone. The
// minutes are those of a fake clock.
func TestWriteProgress(t *testing.T) {
	for _, c := range progressCases {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{timeouts: Timeouts{Write: time.Minute}, gate: newGate(1)}
			k := s.newSocket(&stubConn{script: c.script}, nil, false)
			n, err := k.Write(make([]byte, 10))
			if n != c.n || (err != nil) != c.gone || k.gone() != c.gone {
				t.Errorf("%s: wrote %d, error %v, gone %t; want %d, %t", c.name, n, err, k.gone(), c.n, c.gone)
			}
		})
	}
}

// TestDeadlineIsLazy: the timer of the socket is set once for many operations within the same timeout.
func TestDeadlineIsLazy(t *testing.T) {
	stub := &stubConn{}
	s := &Server{timeouts: Timeouts{Write: time.Hour}, gate: newGate(1)}
	k := s.newSocket(stub, nil, false)
	for range 100 {
		stub.script = []stubWrite{{0, 1, nil}}
		if _, err := k.Write([]byte("x")); err != nil {
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
