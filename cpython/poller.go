package cpython

// #include "arena.h"
import "C"

import (
	"math/bits"
	"os"
	"sync/atomic"
)

// A poller reads the completion set: it tells the goroutine of each slot in it
// that there is news. One goroutine per arena.
type poller struct {
	arena  *Arena
	event  *os.File // eventfd, in Go's netpoller; never read, only its edges count
	notify func(slot int)
	done   chan struct{}
}

func newPoller(a *Arena, notify func(slot int)) *poller {
	return &poller{arena: a, event: a.event, notify: notify, done: make(chan struct{})}
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

// catchUp finds what was put into the set by a process that died, or has gone
// mad, before it rang. Any goroutine may call it.
func (p *poller) catchUp() {
	atomic.StoreUint32(word(&p.arena.head.front_asleep), 1)
	p.scan()
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
