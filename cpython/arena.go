package cpython

// #include "arena.h"
import "C"

import (
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An arena is the region of memory that Go and the Python threads share.
// arena.h describes it; this file lays it out and finds things in it.
type arena struct {
	memory []byte // the mapping; unmapped never: Python threads may outlive the pool
	head   *C.gild_arena
	rings  []C.gild_ring
	cells  [][]uint32 // of each ring
	events []uint64   // the completion set
	procs  []C.gild_process
	slots  unsafe.Pointer // the first slot
}

// Geometry of an arena. All counts are at least 1.
type geometry struct {
	slots, lanes, processes, threads int
}

func (g geometry) check() error {
	switch {
	case g.slots < 1 || g.slots > C.GILD_MAX_SLOTS:
		return fmt.Errorf("cpython: %d requests in flight asked for, 1 to %d are possible", g.slots, C.GILD_MAX_SLOTS)
	case g.lanes < 1 || g.lanes > C.GILD_MAX_LANES:
		return fmt.Errorf("cpython: %d interpreters with a GIL of their own asked for, at most %d are possible", g.lanes-1, C.GILD_MAX_LANES-1)
	case g.threads < 1 || g.threads > C.GILD_MAX_THREADS:
		return fmt.Errorf("cpython: %d threads asked for, 1 to %d are possible", g.threads, C.GILD_MAX_THREADS)
	}
	return nil
}

// layout assigns offsets, each part on a cache line of its own and the slots
// on a page, and returns the size of the whole.
func (g geometry) layout(head *C.gild_arena) uint64 {
	const line, page = C.GILD_CACHE_LINE, 4096
	cells := uint32(1) << bits.Len(uint(g.slots-1))
	at := uint64(0)
	place := func(size, align uint64) C.uint64_t {
		start := (at + align - 1) / align * align
		at = start + size
		return C.uint64_t(start)
	}
	place(C.sizeof_gild_arena, line)
	head.rings_offset = place(uint64(g.lanes)*C.sizeof_gild_ring, line)
	head.cells_offset = place(uint64(g.lanes)*uint64(cells)*4, line)
	head.events_offset = place(uint64(g.slots+63)/64*8, line)
	head.processes_offset = place(uint64(g.processes)*C.sizeof_gild_process, line)
	head.threads_offset = place(uint64(g.processes*g.threads)*C.sizeof_gild_thread, line)
	head.slots_offset = place(uint64(g.slots)*C.GILD_SLOT_SIZE, page)
	head.ring_cells = C.uint32_t(cells)
	return at
}

// newArena maps an arena and fills its head. Its pages cost nothing until they
// are touched.
func newArena(g geometry) (*arena, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	var head C.gild_arena
	size := g.layout(&head)
	memory, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("cpython: cannot map %d bytes for %d requests in flight: %w", size, g.slots, err)
	}
	head.magic, head.layout, head.size = C.GILD_MAGIC, C.GILD_LAYOUT, C.uint64_t(size)
	head.slots, head.lanes = C.uint32_t(g.slots), C.uint32_t(g.lanes)
	head.processes, head.threads = C.uint32_t(g.processes), C.uint32_t(g.threads)
	a := &arena{memory: memory, head: (*C.gild_arena)(unsafe.Pointer(&memory[0]))}
	*a.head = head
	a.find()
	return a, nil
}

// find takes the addresses of the parts.
func (a *arena) find() {
	h := a.head
	base := unsafe.Pointer(h)
	part := func(offset C.uint64_t) unsafe.Pointer { return unsafe.Add(base, uintptr(offset)) }
	a.rings = unsafe.Slice((*C.gild_ring)(part(h.rings_offset)), int(h.lanes))
	cells := unsafe.Slice((*uint32)(part(h.cells_offset)), int(h.lanes)*int(h.ring_cells))
	for i := range a.rings {
		a.cells = append(a.cells, cells[i*int(h.ring_cells):(i+1)*int(h.ring_cells)])
	}
	a.events = unsafe.Slice((*uint64)(part(h.events_offset)), (int(h.slots)+63)/64)
	a.procs = unsafe.Slice((*C.gild_process)(part(h.processes_offset)), int(h.processes))
	a.slots = part(h.slots_offset)
}

func (a *arena) slot(number int) *C.gild_slot {
	return (*C.gild_slot)(unsafe.Add(a.slots, number*C.GILD_SLOT_SIZE))
}

func (a *arena) thread(process, index int) *C.gild_thread {
	first := unsafe.Add(unsafe.Pointer(a.head), uintptr(a.head.threads_offset))
	return (*C.gild_thread)(unsafe.Add(first, (process*int(a.head.threads)+index)*C.sizeof_gild_thread))
}

// window returns a part of a slot as bytes.
func window(s *C.gild_slot, offset, size int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(s), offset)), size)
}

// The words of the arena as Go's atomics want them.

func word(p *C.uint32_t) *uint32 { return (*uint32)(unsafe.Pointer(p)) }
func long(p *C.uint64_t) *uint64 { return (*uint64)(unsafe.Pointer(p)) }

// push appends a slot number to the ring of a lane. The caller holds the lock
// of the lane; a slot is in at most one ring, so there is always a cell.
func (a *arena) push(lane, number int) {
	ring := &a.rings[lane]
	tail := atomic.LoadUint64(long(&ring.tail))
	cells := a.cells[lane]
	atomic.StoreUint32(&cells[int(tail)&(len(cells)-1)], uint32(number))
	atomic.StoreUint64(long(&ring.tail), tail+1)
}

// pushed counts the requests that were ever pushed into the ring of a lane.
func (a *arena) pushed(lane int) uint64 { return atomic.LoadUint64(long(&a.rings[lane].tail)) }

// queued returns how many requests wait in the ring of a lane.
func (a *arena) queued(lane int) int {
	ring := &a.rings[lane]
	return int(atomic.LoadUint64(long(&ring.tail)) - atomic.LoadUint64(long(&ring.head)))
}

// wake is the wake rule: a thread is woken for the lane only where fewer
// threads drain it than are wanted. Otherwise the ticker of the process has to
// look after it, so it must be awake.
func (a *arena) wake(lane int, now int64) {
	for i := range a.procs {
		if a.wakeIn(i, lane, now) {
			return
		}
	}
	for i := range a.procs {
		tick := word(&a.procs[i].tick)
		if atomic.LoadUint32(tick) == 0 && atomic.CompareAndSwapUint32(tick, 0, 1) {
			futexWake(tick, 1)
		}
	}
}

// isDrained reports whether a thread of some process will look at the ring of
// the lane without being woken.
func (a *arena) isDrained(lane int) bool {
	for i := range a.procs {
		if atomic.LoadUint32(word(&a.procs[i].lanes[lane].drainers)) > 0 {
			return true
		}
	}
	return false
}

// wakeIn is gild_wake of arena.c for the threads of another owner: counted
// before it is claimed, claimed and told its lane in one step.
func (a *arena) wakeIn(process, lane int, now int64) bool {
	p := &a.procs[process]
	drainers := word(&p.lanes[lane].drainers)
	if atomic.LoadUint32(drainers) >= atomic.LoadUint32(word(&p.lanes[lane].wanted)) {
		return false
	}
	atomic.AddUint32(drainers, 1)
	for i := range min(int(atomic.LoadUint32(word(&p.threads))), int(a.head.threads)) {
		t := a.thread(process, i)
		duty := word(&t.duty)
		if atomic.LoadUint32(duty) == C.GILD_THREAD_IDLE &&
			atomic.CompareAndSwapUint32(duty, C.GILD_THREAD_IDLE, C.GILD_THREAD_DRAINING|uint32(lane)<<8) {
			atomic.StoreInt64((*int64)(unsafe.Pointer(&t.since)), now)
			futexWake(duty, 1)
			return true
		}
	}
	atomic.AddUint32(drainers, ^uint32(0))
	return false
}

// futexRaise changes the word and wakes all who wait on it: several threads of
// an application may wait in one request.
func futexRaise(w *uint32) {
	atomic.AddUint32(w, 1)
	futexWake(w, math.MaxInt32)
}

// futexWake wakes up to count waiters. It does not block, so the scheduler need
// not know of it.
func futexWake(w *uint32, count uintptr) {
	const futexWakeOp = 1 // FUTEX_WAKE, shared between processes
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), futexWakeOp, count, 0, 0, 0)
}
