package cpython

// #include "engine.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What Attention reports.
const (
	MaximumRequests = "maximum_requests" // as many requests were served as was asked for
	ScriptReload    = "script_reload"    // a script has changed; the process takes no more requests
)

// attention listens to what C threads want from Go.
type attention struct {
	fd    int
	event *os.File
	news  chan string
}

func newAttention() (*attention, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cpython: cannot create an eventfd: %w", err)
	}
	return &attention{fd: fd, event: os.NewFile(uintptr(fd), "attention"), news: make(chan string, 2)}, nil
}

// run passes on what comes until stop.
func (a *attention) run() {
	count := make([]byte, binary.Size(uint64(0)))
	for {
		if _, err := a.event.Read(count); err != nil {
			return
		}
		flags := C.gild_attention_take()
		if flags&C.GILD_MAXIMUM_REQUESTS != 0 {
			a.news <- MaximumRequests
		}
		if flags&C.GILD_SCRIPT_CHANGED != 0 {
			a.news <- ScriptReload
		}
	}
}

func (a *attention) stop() { _ = a.event.Close() }

// Attention reports why the process wants to be replaced: MaximumRequests or
// ScriptReload. Somebody must listen.
func (p *Python) Attention() <-chan string { return p.attention.news }

// descriptor is f.Fd without its side effect, which would make a descriptor that
// several processes share blocking for all.
func descriptor(f *os.File) (fd uintptr) {
	conn, err := f.SyscallConn()
	if err == nil {
		_ = conn.Control(func(n uintptr) { fd = n })
	}
	return fd
}
