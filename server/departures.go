package server

import (
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// While a handler runs nobody reads from a connection of HTTP/1 (see conn.Read), so nobody sees the client leave. For an
// application that is no loss, since WSGI cannot be told. But what another server does for the client can be given up, and so
// somebody looks once a second. A client that only shuts its sending half down cannot be told from one that has left; as
// with nginx and net/http it counts as that.

// departures are the connections whose clients are watched. The zero value watches none.
type departures struct {
	mu      sync.Mutex
	waiting map[*socket]func()
	walking bool // somebody looks
}

// watch has left called, once, soon after the client has ended the connection. It must not block. After stop it is not
// called any more.
func (d *departures) watch(k *socket, left func()) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == nil {
		d.waiting = make(map[*socket]func())
	}
	if !d.walking {
		d.walking = true
		go d.walk()
	}
	d.waiting[k] = left
	return func() { d.forget(k) }
}

func (d *departures) forget(k *socket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, k)
}

// walk looks once a second, as long as there is anybody to look at.
func (d *departures) walk() {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for range tick.C {
		if !d.look() {
			return
		}
	}
}

// look reports whether anybody is left.
func (d *departures) look() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for k, left := range d.waiting {
		if k.hungUp() {
			delete(d.waiting, k)
			left()
		}
	}
	d.walking = len(d.waiting) > 0
	return d.walking
}

// hungUp reports whether the other side has ended or broken the connection, whatever is still to be read. Any goroutine
// may call it, also while another reads.
func (k *socket) hungUp() (yes bool) {
	c, ok := k.Conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		yes = err == nil && n > 0
	})
	return yes || err != nil
}
