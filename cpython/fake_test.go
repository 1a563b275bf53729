package cpython

import (
	"os"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Constants of arena.h that cgo would give: test files cannot have it.
const (
	slotFilling    = 1
	slotQueued     = 2
	slotClaimed    = 3
	slotResponding = 4
	slotCancelled  = 6

	threadDraining = 2
	threadSeated   = 4

	noSlot   = 1<<32 - 1
	fileSent = -2
)

// A fake is a process that runs Python, without Python: it does to the arena what thread.c and request.c do, one step at
// a time, and can stop after each of them. It has a mapping of its own.
type fake struct {
	*Arena
	record int
	mute   bool // its bell is lost: it dies before it has written to the eventfd
	silent bool // it dies before it has put the slot into the completion set
}

// sharedArena returns an arena and what opens it as another process does; both ends are closed with the test.
func sharedArena(tb testing.TB, g Geometry) (made *Arena, open func(files []*os.File) *Arena) {
	tb.Helper()
	made, err := NewArena(g)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(made.Close)
	return made, func(files []*os.File) *Arena {
		var own []*os.File
		for _, f := range files {
			fd, err := unix.FcntlInt(descriptor(f), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				tb.Fatal(err)
			}
			own = append(own, os.NewFile(uintptr(fd), f.Name()))
		}
		a, err := OpenArena(g, own)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(a.Close)
		return a
	}
}

// start takes the record over, as take_record and the threads do.
func (f *fake) start() {
	p := &f.procs[f.record]
	f.reset(f.record)
	f.setClosed(f.record, true)
	for i := range p.lanes {
		atomic.StoreUint32(word(&p.lanes[i].wanted), 1)
	}
	for i := range f.Threads {
		t := f.thread(f.record, i)
		atomic.StoreUint32(word(&t.slot), noSlot)
		atomic.StoreUint32(word(&t.duty), idle)
	}
	atomic.StoreUint32(word(&p.threads), uint32(f.Threads))
	atomic.StoreUint32(word(&p.pid), uint32(os.Getpid()))
}

// next pops the ring, as gild_ring_pop does; -1: it is empty.
func (f *fake) next(lane int) int {
	for {
		head := f.popped(lane)
		if head == atomic.LoadUint64(long(&f.rings[lane].tail)) {
			return -1
		}
		if number := f.cell(lane, head); f.pop(lane, head) {
			return number
		}
	}
}

// claim makes a slot the process's, as the function of thread.c does.
func (f *fake) claim(number int) bool {
	s := f.slot(number)
	if atomic.LoadUint32(word(&s.state)) == slotCancelled {
		if atomic.CompareAndSwapUint32(word(&s.state), slotCancelled, slotDone) {
			f.notify(number)
		}
		return false
	}
	owner := (*uint64)(unsafe.Pointer(&s.state))
	before := atomic.LoadUint64(owner)
	return uint32(before) == slotQueued && atomic.CompareAndSwapUint64(owner, before, slotClaimed|uint64(f.record)<<32)
}

// write appends to the response, and makes it visible.
func (f *fake) write(number int, text string) {
	f.append(number, text)
	f.notify(number)
}

func (f *fake) append(number int, text string) {
	s := f.slot(number)
	written := atomic.LoadUint64(long(&s.output_written))
	for i := range len(text) {
		window(s, outputOffset, OutputSize)[(written+uint64(i))%OutputSize] = text[i]
	}
	atomic.StoreUint64(long(&s.output_written), written+uint64(len(text)))
}

// begin writes the head of a response.
func (f *fake) begin(number int) {
	s := f.slot(number)
	head := headBlock(&Head{Status: 200, Reason: "OK"})
	atomic.StoreUint32(word(&s.state), slotResponding)
	f.append(number, head)
	atomic.StoreUint32(word(&s.head_length), uint32(len(head)))
	f.notify(number)
}

// end is finish of request.c.
func (f *fake) end(number int, end End) {
	s := f.slot(number)
	atomic.StoreUint32(word(&s.output_end), uint32(end))
	atomic.StoreUint32(word(&s.state), slotDone)
	f.notify(number)
}

// refuse ends a request with a verdict.
func (f *fake) refuse(number, verdict int) {
	atomic.StoreUint32(word(&f.slot(number).verdict), uint32(verdict))
	f.end(number, Torn)
}

// notify is gild_notify.
func (f *fake) notify(number int) {
	if f.silent {
		return
	}
	set := &f.events[number/64]
	for before := atomic.LoadUint64(set); !atomic.CompareAndSwapUint64(set, before, before|1<<(number%64)); {
		before = atomic.LoadUint64(set)
	}
	if atomic.SwapUint32(word(&f.head.front_asleep), 0) != 0 && !f.mute {
		_, _ = unix.Write(int(descriptor(f.event)), []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// sendFile sends a descriptor for a slot, as send_descriptor of filewrapper.c does.
func (f *fake) sendFile(tb testing.TB, slot, serial uint32, files ...*os.File) {
	tb.Helper()
	var fds []int
	for _, file := range files {
		fds = append(fds, int(descriptor(file)))
	}
	f.sendMessage(tb, unsafe.Slice((*byte)(unsafe.Pointer(&[2]uint32{slot, serial})), 8), unix.UnixRights(fds...))
}

func (f *fake) sendMessage(tb testing.TB, text, rights []byte) {
	tb.Helper()
	if err := unix.Sendmsg(int(descriptor(f.files[1])), text, rights, nil, unix.MSG_DONTWAIT); err != nil {
		tb.Fatal(err)
	}
}
