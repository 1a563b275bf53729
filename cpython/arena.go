package cpython

// #include "arena.h"
import "C"

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Geometry says how large an arena is. All counts are at least 1.
type Geometry struct {
	Requests  int // in flight at once, queued ones included
	Lanes     int // GILs with a ring of their own, see Lanes
	Processes int // records of processes, those that are just being replaced included
	Threads   int // Python threads of each process
}

// An Arena is the region of memory that Go and the Python threads share, in one
// process or in several. arena.h describes it; this file lays it out and finds
// things in it.
//
// Nothing that is read from it decides where something is read or written: its
// layout follows from the Geometry, of which each process has a copy.
type Arena struct {
	Geometry
	layout C.gild_arena // offsets, ours
	memory []byte       // the mapping; unmapped never: Python threads may outlive everybody
	shared bool         // with other processes
	memfd  *os.File
	event  *os.File    // eventfd of the completion set
	files  [2]*os.File // file socket: the front's end and the daemons'

	head   *C.gild_arena
	rings  []C.gild_ring
	cells  [][]uint32 // of each ring
	events []uint64   // the completion set
	procs  []C.gild_process
	slots  unsafe.Pointer // the first slot
}

func (g Geometry) check() error {
	switch {
	case g.Requests < 1 || g.Requests > C.GILD_MAX_SLOTS:
		return fmt.Errorf("cpython: %d requests in flight asked for, 1 to %d are possible", g.Requests, C.GILD_MAX_SLOTS)
	case g.Lanes < 1 || g.Lanes > C.GILD_MAX_LANES:
		return fmt.Errorf("cpython: %d interpreters with a GIL of their own asked for, at most %d are possible", g.Lanes-1, C.GILD_MAX_LANES-1)
	case g.Threads < 1 || g.Threads > C.GILD_MAX_THREADS:
		return fmt.Errorf("cpython: %d threads asked for, 1 to %d are possible", g.Threads, C.GILD_MAX_THREADS)
	case g.Processes < 1:
		return fmt.Errorf("cpython: %d processes asked for", g.Processes)
	}
	return nil
}

// plan assigns offsets, each part on a cache line of its own and the slots on a
// page. A ring has twice the cells it needs: a slot that a dying process has
// taken and not claimed is queued again, while its old cell may still be read.
func (g Geometry) plan() (head C.gild_arena) {
	const line, page = C.GILD_CACHE_LINE, 4096
	cells := uint32(2) << bits.Len(uint(g.Requests-1))
	at := uint64(0)
	place := func(size, align uint64) C.uint64_t {
		start := (at + align - 1) / align * align
		at = start + size
		return C.uint64_t(start)
	}
	place(C.sizeof_gild_arena, line)
	head.rings_offset = place(uint64(g.Lanes)*C.sizeof_gild_ring, line)
	head.cells_offset = place(uint64(g.Lanes)*uint64(cells)*4, line)
	head.events_offset = place(uint64(g.Requests+63)/64*8, line)
	head.processes_offset = place(uint64(g.Processes)*C.sizeof_gild_process, line)
	head.threads_offset = place(uint64(g.Processes*g.Threads)*C.sizeof_gild_thread, line)
	head.slots_offset = place(uint64(g.Requests)*C.GILD_SLOT_SIZE, page)
	head.magic, head.layout, head.size = C.GILD_MAGIC, C.GILD_LAYOUT, C.uint64_t(at)
	head.slots, head.ring_cells, head.lanes = C.uint32_t(g.Requests), C.uint32_t(cells), C.uint32_t(g.Lanes)
	head.processes, head.threads = C.uint32_t(g.Processes), C.uint32_t(g.Threads)
	return head
}

// NewArena makes an arena: memory that other processes can map, an eventfd by
// which Python wakes Go, and a socket for the files of responses. Its pages cost
// nothing until they are touched. It cannot be made smaller by anybody, which
// would kill whoever reads it.
func NewArena(g Geometry) (*Arena, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	a := &Arena{Geometry: g, layout: g.plan()}
	err := a.make()
	if err == nil {
		err = a.mapMemory()
	}
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("cpython: cannot make an arena of %d bytes for %d requests in flight: %w", a.layout.size, g.Requests, err)
	}
	*a.head = a.layout
	return a, nil
}

// make opens the descriptors.
func (a *Arena) make() error {
	memfd, err := unix.MemfdCreate("gild arena", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	a.memfd = os.NewFile(uintptr(memfd), "arena")
	if err := unix.Ftruncate(memfd, int64(a.layout.size)); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	if _, err := unix.FcntlInt(uintptr(memfd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	a.event = os.NewFile(uintptr(event), "eventfd")
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	a.files = [2]*os.File{os.NewFile(uintptr(ends[0]), "files"), os.NewFile(uintptr(ends[1]), "files")}
	return nil
}

// mapMemory maps the memory and takes the addresses of the parts.
func (a *Arena) mapMemory() error {
	memory, err := unix.Mmap(int(descriptor(a.memfd)), 0, int(a.layout.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	a.memory = memory
	base := unsafe.Pointer(&memory[0])
	h := &a.layout
	part := func(offset C.uint64_t) unsafe.Pointer { return unsafe.Add(base, uintptr(offset)) }
	a.head = (*C.gild_arena)(base)
	a.rings = unsafe.Slice((*C.gild_ring)(part(h.rings_offset)), a.Lanes)
	cells := unsafe.Slice((*uint32)(part(h.cells_offset)), a.Lanes*int(h.ring_cells))
	for i := range a.rings {
		a.cells = append(a.cells, cells[i*int(h.ring_cells):(i+1)*int(h.ring_cells)])
	}
	a.events = unsafe.Slice((*uint64)(part(h.events_offset)), (a.Requests+63)/64)
	a.procs = unsafe.Slice((*C.gild_process)(part(h.processes_offset)), a.Processes)
	a.slots = part(h.slots_offset)
	return nil
}

// FrontFiles are what the process that speaks HTTP needs for OpenArena. They
// belong to the arena.
func (a *Arena) FrontFiles() []*os.File { return []*os.File{a.memfd, a.event, a.files[0]} }

// DaemonFiles are what a process that runs Python needs for OpenArena. They
// belong to the arena.
func (a *Arena) DaemonFiles() []*os.File { return []*os.File{a.memfd, a.event, a.files[1]} }

// FilesPerArena is the length of FrontFiles and DaemonFiles.
const FilesPerArena = 3

// OpenArena takes over the files of an arena that another process has made with
// the same Geometry.
func OpenArena(g Geometry, files []*os.File) (*Arena, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	a := &Arena{Geometry: g, layout: g.plan(), shared: true, memfd: files[0], event: files[1]}
	a.files[0], a.files[1] = files[2], files[2]
	info, err := a.memfd.Stat()
	if err != nil {
		return nil, fmt.Errorf("cpython: %w", err)
	}
	if info.Size() != int64(a.layout.size) {
		return nil, fmt.Errorf("cpython: the arena has %d bytes, but this program lays out %d: it is not the one that made it", info.Size(), a.layout.size)
	}
	if err := a.mapMemory(); err != nil {
		return nil, fmt.Errorf("cpython: %w", err)
	}
	return a, nil
}

// Unmap gives the mapping up, for a process that only keeps the files for others:
// memory that is mapped is not freed when they are through with it. Nothing but
// FrontFiles, DaemonFiles and Close may be called after it.
func (a *Arena) Unmap() error {
	memory := a.memory
	*a = Arena{Geometry: a.Geometry, memfd: a.memfd, event: a.event, files: a.files}
	return os.NewSyscallError("munmap", unix.Munmap(memory))
}

// Close closes the descriptors. The memory stays mapped.
func (a *Arena) Close() {
	for _, f := range []*os.File{a.memfd, a.event, a.files[0], a.files[1]} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (a *Arena) slot(number int) *C.gild_slot {
	return (*C.gild_slot)(unsafe.Add(a.slots, number*C.GILD_SLOT_SIZE))
}

func (a *Arena) thread(process, index int) *C.gild_thread {
	first := unsafe.Add(unsafe.Pointer(a.head), uintptr(a.layout.threads_offset))
	return (*C.gild_thread)(unsafe.Add(first, (process*a.Threads+index)*C.sizeof_gild_thread))
}

// threads are the threads that a process has started.
func (a *Arena) threads(process int) int {
	return min(int(atomic.LoadUint32(word(&a.procs[process].threads))), a.Threads)
}

// window returns a part of a slot as bytes.
func window(s *C.gild_slot, offset, size int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(s), offset)), size)
}

// The words of the arena as Go's atomics want them.

func word(p *C.uint32_t) *uint32 { return (*uint32)(unsafe.Pointer(p)) }
func long(p *C.uint64_t) *uint64 { return (*uint64)(unsafe.Pointer(p)) }
func sign(p *C.int64_t) *int64   { return (*int64)(unsafe.Pointer(p)) }

// put writes a slot number into the ring of a lane, at a position that only the
// caller may write.
func (a *Arena) put(lane int, position uint64, number int) {
	cells := a.cells[lane]
	atomic.StoreUint32(&cells[int(position)&(len(cells)-1)], uint32(number))
	atomic.StoreUint64(long(&a.rings[lane].tail), position+1)
}

// popped is the position up to which the ring of a lane has been read.
func (a *Arena) popped(lane int) uint64 { return atomic.LoadUint64(long(&a.rings[lane].head)) }

// cell is the slot number at a position of a ring, whatever it is worth.
func (a *Arena) cell(lane int, position uint64) int {
	cells := a.cells[lane]
	return int(atomic.LoadUint32(&cells[int(position)&(len(cells)-1)]))
}

// pop takes what is at the head of a ring, unless somebody else has.
func (a *Arena) pop(lane int, head uint64) bool {
	return atomic.CompareAndSwapUint64(long(&a.rings[lane].head), head, head+1)
}

// setClosed says whether a process takes requests.
func (a *Arena) setClosed(process int, closed bool) {
	value := uint32(0)
	if closed {
		value = 1
	}
	atomic.StoreUint32(word(&a.procs[process].closed), value)
}

// isClosed reports whether a process says that it takes no requests.
func (a *Arena) isClosed(process int) bool {
	return atomic.LoadUint32(word(&a.procs[process].closed)) != 0
}

// tail is where the ring of a lane says that it ends.
func (a *Arena) tail(lane int) uint64 { return atomic.LoadUint64(long(&a.rings[lane].tail)) }

// skip takes all that is in the ring of a lane and returns where it goes on.
func (a *Arena) skip(lane int) uint64 {
	tail := atomic.LoadUint64(long(&a.rings[lane].tail))
	atomic.StoreUint64(long(&a.rings[lane].head), tail)
	return tail
}

// rewind puts a ring that makes no sense where both ends are the position.
func (a *Arena) rewind(lane int, position uint64) {
	atomic.StoreUint64(long(&a.rings[lane].tail), position)
	atomic.StoreUint64(long(&a.rings[lane].head), position)
}

// isDrained reports whether a thread of some process will look at the ring of
// the lane without being woken.
func (a *Arena) isDrained(lane int) bool {
	for i := range a.procs {
		if a.drains(i, lane) {
			return true
		}
	}
	return false
}

// drains reports whether a thread of the process will look at the ring of the
// lane without being woken.
func (a *Arena) drains(process, lane int) bool {
	return atomic.LoadUint32(word(&a.procs[process].lanes[lane].drainers)) > 0
}

// isIdle reports whether no thread of the process has anything to do.
func (a *Arena) isIdle(process int) bool {
	for i := range a.threads(process) {
		if atomic.LoadUint32(word(&a.thread(process, i).duty)) != C.GILD_THREAD_IDLE {
			return false
		}
	}
	return true
}

// wantsDrainer reports whether fewer threads of the process drain the lane than
// are wanted.
func (a *Arena) wantsDrainer(process, lane int) bool {
	duty := &a.procs[process].lanes[lane]
	return atomic.LoadUint32(word(&duty.drainers)) < atomic.LoadUint32(word(&duty.wanted))
}

// wakeWanted is wakeIn if the lane wants one more drainer there. Of several who
// find that at once, no more succeed than are wanted.
func (a *Arena) wakeWanted(process, lane int, now int64) bool {
	duty := &a.procs[process].lanes[lane]
	if atomic.AddUint32(word(&duty.drainers), 1) <= atomic.LoadUint32(word(&duty.wanted)) && a.claimIdle(process, lane, now) {
		return true
	}
	atomic.AddUint32(word(&duty.drainers), ^uint32(0))
	return false
}

// wakeIn wakes an idle thread of the process for the lane, whether one is wanted
// or not.
func (a *Arena) wakeIn(process, lane int, now int64) bool {
	drainers := word(&a.procs[process].lanes[lane].drainers)
	atomic.AddUint32(drainers, 1)
	if a.claimIdle(process, lane, now) {
		return true
	}
	atomic.AddUint32(drainers, ^uint32(0))
	return false
}

// claimIdle wakes an idle thread, which was counted before: it is claimed and
// told its lane in one step, as wake_in of arena.c does.
func (a *Arena) claimIdle(process, lane int, now int64) bool {
	for i := range a.threads(process) {
		t := a.thread(process, i)
		duty := word(&t.duty)
		if atomic.LoadUint32(duty) == C.GILD_THREAD_IDLE &&
			atomic.CompareAndSwapUint32(duty, C.GILD_THREAD_IDLE, C.GILD_THREAD_DRAINING|uint32(lane)<<8) {
			atomic.StoreInt64(sign(&t.since), now)
			futexWake(duty, 1)
			return true
		}
	}
	return false
}

// kick has the threads of a process look at what they are to do.
func (a *Arena) kick(process int) {
	for i := range a.threads(process) {
		futexWake(word(&a.thread(process, i).duty), 1)
	}
}

// arm has the ticker of a process look after its threads.
func (a *Arena) arm(process int) {
	tick := word(&a.procs[process].tick)
	if atomic.LoadUint32(tick) == 0 && atomic.CompareAndSwapUint32(tick, 0, 1) {
		futexWake(tick, 1)
	}
}

// reset makes the record of a process that is gone usable again.
func (a *Arena) reset(process int) {
	p := &a.procs[process]
	atomic.StoreUint32(word(&p.threads), 0)
	for i := range a.Threads {
		*a.thread(process, i) = C.gild_thread{}
	}
	*p = C.gild_process{}
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
