package cpython

// #include "arena.h"
import "C"

import (
	"fmt"
	"math/bits"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A poller reads the completion set: it tells the goroutine of each slot in it
// that there is news. One goroutine per arena.
type poller struct {
	arena  *arena
	event  *os.File // eventfd, in Go's netpoller; never read, only its edges count
	notify func(slot int)
	done   chan struct{}
}

func newPoller(a *arena, notify func(slot int)) (*poller, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cpython: cannot create an eventfd: %w", err)
	}
	p := &poller{arena: a, event: os.NewFile(uintptr(fd), "eventfd"), notify: notify, done: make(chan struct{})}
	return p, nil
}

// run serves until stop.
func (p *poller) run() {
	defer close(p.done)
	conn, err := p.event.SyscallConn()
	if err != nil {
		panic("cpython: the eventfd is not pollable: " + err.Error())
	}
	// The file is never readable by intent: Read calls back at each edge,
	// until it is closed.
	_ = conn.Read(func(uintptr) bool {
		p.drain()
		return false
	})
}

func (p *poller) stop() {
	_ = p.event.Close()
	<-p.done
}

// drain empties the set. It says that it sleeps before it looks for the last
// time: a thread that adds a slot later sees that and writes to the eventfd.
func (p *poller) drain() {
	asleep := word(&p.arena.head.front_asleep)
	for {
		for p.scan() {
		}
		atomic.StoreUint32(asleep, 1)
		if !p.scan() {
			return
		}
		atomic.StoreUint32(asleep, 0)
	}
}

// scan takes what is in the set and reports whether there was anything.
func (p *poller) scan() bool {
	found := false
	for i := range p.arena.events {
		if atomic.LoadUint64(&p.arena.events[i]) == 0 {
			continue
		}
		for set := atomic.SwapUint64(&p.arena.events[i], 0); set != 0; set &= set - 1 {
			p.notify(i*64 + bits.TrailingZeros64(set))
			found = true
		}
	}
	return found
}
