package server

import (
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"gild/server/trust"
)

// A socket is an accepted TCP connection, below TLS and whatever protocol is spoken on it. It counts bytes, keeps the
// timers, and knows how it ended. The timers have to be here and not above TLS, whose state a Write that ends in a timeout
// ruins, although it might only have been a timer set too early.
//
// One goroutine may read and another write at a time.
type socket struct {
	net.Conn // the kernel's
	server   *Server
	info     *Info
	client   net.Addr  // who the header of the PROXY protocol says is at the other end; nil: it says nothing
	opened   time.Time // when it was accepted

	state    atomic.Uint32 // the http.ConnState; also read by other goroutines
	greeting atomic.Bool   // its protocol is not known yet
	shared   atomic.Bool   // it carries a session: many requests at once, so nobody but the engine knows when it may end
	broken   atomic.Bool   // a write has failed
	ended    atomic.Bool   // a read found the end of the stream, or the connection broken
	closed   atomic.Bool
	halted   atomic.Bool // nothing is read any more, see Exchange.StopBody

	read, write deadline
	turn        *turn        // what is read, if its client has to send it within a Pace; for the goroutine that reads
	last        time.Time    // no write goes on after it, see SetWriteDeadline; zero: there is no such time
	ahead       []byte       // what peek has read and Read has not given away
	in, out     atomic.Int64 // bytes
}

// newSocket wraps an accepted connection and counts it.
func (s *Server) newSocket(nc net.Conn, info *Info, greeting bool) *socket {
	k := &socket{Conn: nc, server: s, info: info, opened: time.Now()}
	k.greeting.Store(greeting)
	k.read.arm, k.write.arm = nc.SetReadDeadline, nc.SetWriteDeadline
	s.gate.enter(k)
	if s.stage.Load() == aborted { // looked at after entering: wait does it in the other order
		k.abort()
	}
	return k
}

// RemoteAddr is the client, also behind a proxy that speaks the PROXY protocol.
func (k *socket) RemoteAddr() net.Addr {
	if k.client != nil {
		return k.client
	}
	return k.Conn.RemoteAddr()
}

// leave is the end of the socket in the counts: nothing more will be served on it.
func (k *socket) leave() { k.server.gate.leave(k) }

// standing is what the engine has last reported.
func (k *socket) standing() http.ConnState { return http.ConnState(k.state.Load()) }

// reading reports whether the connection is between two requests or inside the head of one.
func (k *socket) reading() bool {
	state := k.standing()
	return state == http.StateNew || state == http.StateIdle
}

// gone reports that the other side cannot be written to any more.
func (k *socket) gone() bool { return k.broken.Load() }

// peek waits until there are at least n bytes and returns all there are, without taking them away. At the end of the stream
// they may be fewer, with its error.
func (k *socket) peek(n int) ([]byte, error) {
	if k.ahead == nil {
		k.ahead = make([]byte, 0, peekSize)
	}
	for len(k.ahead) < n {
		m, err := k.readRaw(k.ahead[len(k.ahead):cap(k.ahead)])
		k.ahead = k.ahead[:len(k.ahead)+m]
		if err != nil {
			return k.ahead, err
		}
	}
	return k.ahead, nil
}

// skip takes the first n bytes away that peek has returned.
func (k *socket) skip(n int) { k.ahead = k.ahead[:copy(k.ahead, k.ahead[n:])] }

// peekSize holds what a browser sends first: its ClientHello, or the head of a request with the Host field; and every header of the PROXY
// protocol.
const peekSize = trust.MaxProxyHeader

// Read fails with os.ErrDeadlineExceeded at the time in k.read, which the layers above set.
func (k *socket) Read(p []byte) (int, error) {
	if len(k.ahead) > 0 {
		n := copy(p, k.ahead)
		k.ahead = k.ahead[n:]
		return n, nil
	}
	k.ahead = nil
	return k.readRaw(p)
}

// readRaw is one read of the kernel's with the deadline in k.read.
func (k *socket) readRaw(p []byte) (int, error) {
	k.read.prepare()
	if k.leaving() { // looked at after the timer was set: Shutdown does it in the other order
		k.hurry()
	}
	for {
		if k.halted.Load() { // looked at after the timer was set: halt sets both in the other order
			return 0, os.ErrDeadlineExceeded
		}
		n, err := k.Conn.Read(p)
		k.in.Add(int64(n))
		k.extend(n)
		if err == nil || k.leaving() || !k.read.early(err) {
			return n, k.noteRead(err)
		}
	}
}

// measure has what is read now counted for t, whose wait has begun.
func (k *socket) measure(t *turn) {
	k.turn = t
	k.read.want = t.until(time.Now())
}

// extend gives the client more time for n bytes that have come. They are counted here, and not where they are wanted,
// because TLS lets nobody see the first of a record before the last.
func (k *socket) extend(n int) {
	if k.turn != nil && n > 0 {
		k.turn.bytes += int64(n)
		k.read.want = k.turn.until(time.Now())
	}
}

func (k *socket) noteRead(err error) error {
	if err != nil && !os.IsTimeout(err) {
		k.ended.Store(true)
	}
	return err
}

// halt makes this and all further reads fail. Any goroutine may call it.
func (k *socket) halt() {
	k.halted.Store(true)
	_ = k.Conn.SetReadDeadline(longAgo)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// leaving reports that the server shuts down and this connection has nothing to finish: any timer ends its wait.
func (k *socket) leaving() bool {
	return k.server.stage.Load() >= closing && !k.shared.Load() && k.reading()
}

// Write gives the client Timeouts.Write to take some of p; as long as it takes some it gets more time.
func (k *socket) Write(p []byte) (n int, err error) {
	k.extendWrite()
	for {
		m, err := k.Conn.Write(p[n:])
		n += m
		k.out.Add(int64(m))
		if err == nil || !k.again(int64(m), err) {
			return n, k.noteWrite(err)
		}
	}
}

// extendWrite gives the client its time, counted from now.
func (k *socket) extendWrite() {
	k.write.want = k.patience()
	k.write.prepare()
}

// patience is until when the client has time to take something.
func (k *socket) patience() time.Time {
	until := time.Now().Add(k.server.timeouts.Write)
	if !k.last.IsZero() && k.last.Before(until) {
		return k.last
	}
	return until
}

// again reports whether a write that ended in err after n bytes is to go on: the timer was early, or the client has taken
// something since it was armed.
func (k *socket) again(n int64, err error) bool {
	if n > 0 {
		k.write.want = k.patience()
	}
	return k.write.early(err)
}

func (k *socket) noteWrite(err error) error {
	if err != nil {
		k.broken.Store(true)
	}
	return err
}

// ReadFrom sends a file with sendfile(2), which the kernel's socket knows how to, and anything else through Write.
func (k *socket) ReadFrom(src io.Reader) (n int64, err error) {
	rf, ok := k.Conn.(io.ReaderFrom)
	if !ok || !isFile(src) {
		return io.Copy(writerOnly{k}, src)
	}
	k.extendWrite()
	for {
		m, err := rf.ReadFrom(src)
		n += m
		k.out.Add(m)
		if err == nil || !k.again(m, err) {
			return n, k.noteWrite(err)
		}
	}
}

// SetReadDeadline sets nothing: whoever reads has set k.read.
func (k *socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline ends the patience with the client at t, which crypto/tls needs for its last words. For the goroutine
// that writes.
func (k *socket) SetWriteDeadline(t time.Time) error {
	k.last = t
	return nil
}

// SetDeadline sets nothing, like SetReadDeadline.
func (k *socket) SetDeadline(time.Time) error { return nil }

// CloseWrite sends the end of the stream.
func (k *socket) CloseWrite() error {
	if cw, ok := k.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// abort closes the connection as it stands. Any goroutine may call it.
func (k *socket) abort() {
	k.closed.Store(true)
	_ = k.Conn.Close() // there is nobody to tell; it may have been closed already
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// A file is an *os.File, or what os.File.WriteTo wraps around one when it is the source of io.Copy.
type file interface {
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// isFile reports whether src is a regular file or a limited part of one: what sendfile(2) can read, and what does not lose
// bytes when a write is interrupted and begun again.
func isFile(src io.Reader) bool {
	if limited, ok := src.(*io.LimitedReader); ok {
		src = limited.R
	}
	f, ok := src.(file)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
