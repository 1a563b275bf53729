package cpython

// #include "arena.h"
import "C"

import (
	"encoding/binary"
	"math"
	"sync/atomic"
	"time"
)

// Thread is what a Python thread is doing.
type Thread struct {
	TID      int           // of the kernel
	Busy     bool          // it serves a request; the next four mean something only then
	Elapsed  time.Duration // how long it has had it
	Serial   uint32        // tells this request from the next one
	Request  string        // "GET /path"
	Ignored  bool          // it does not count as activity
	Requests uint64        // served before
	Served   time.Duration // time in those
	GILWait  time.Duration // time they waited for the GIL
}

// Threads returns what each Python thread is doing. It needs no GIL.
func (p *Python) Threads() []Thread { return p.arena.describeThreads(p.record, p.clock.now()) }

// describeThreads reads the records of a process. Nothing of it is to be relied
// on: they change meanwhile, and may be nonsense.
func (a *Arena) describeThreads(process int, now int64) []Thread {
	list := make([]Thread, a.threads(process))
	for i := range list {
		list[i] = a.describe(a.thread(process, i), now)
	}
	return list
}

func (a *Arena) describe(t *C.gild_thread, now int64) Thread {
	d := Thread{
		TID:      int(atomic.LoadUint32(word(&t.tid))),
		Requests: atomic.LoadUint64(long(&t.requests)),
		Served:   time.Duration(min(atomic.LoadUint64(long(&t.busy)), math.MaxInt64)),
		GILWait:  time.Duration(min(atomic.LoadUint64(long(&t.gil_wait)), math.MaxInt64)),
	}
	if number := atomic.LoadUint32(word(&t.slot)); int64(number) < int64(a.Requests) {
		slot := a.slot(int(number))
		d.Busy = true
		d.Elapsed = time.Duration(max(0, now-atomic.LoadInt64(sign(&t.since))))
		d.Serial = atomic.LoadUint32(word(&t.serial))
		d.Request = requestLine(slot)
		d.Ignored = atomic.LoadUint32(word(&slot.flags))&C.GILD_NO_ACTIVITY != 0
	}
	return d
}

// TID is the kernel's id of the thread that has or had the request, as far as it
// is known; 0 is unknown.
func (r *Request) TID() uint32 {
	process, thread := int(r.slot.process), int(r.slot.thread)
	if process >= r.pool.arena.Processes || thread >= r.pool.arena.Threads {
		return 0
	}
	return atomic.LoadUint32(word(&r.pool.arena.thread(process, thread).tid))
}

// requestLine is method and URI of a request: its first two keys.
func requestLine(s *C.gild_slot) string {
	block := window(s, C.GILD_SLOT_HEAD, 4096)
	method, rest := firstValue(block)
	uri, _ := firstValue(rest)
	return method + " " + uri
}

// firstValue is the value of the first entry of an environ block, and what comes
// after it; environ.c has the layout.
func firstValue(block []byte) (string, []byte) {
	if len(block) < entryHead {
		return "", nil
	}
	key, value := int(binary.LittleEndian.Uint16(block[2:])), int(binary.LittleEndian.Uint32(block[4:]))
	block = block[entryHead:]
	if key > len(block) || value > len(block)-key {
		return "", nil
	}
	return string(block[key : key+value]), block[key+value:]
}

// ProcessStatus is what the front knows about a process, and what that says about
// itself.
type ProcessStatus struct {
	Record     int
	PID        int
	State      ProcessState
	Generation int
	Age        time.Duration // since Python was started
	Requests   uint64        // served
	Threads    []Thread
}

// Status is what a pool knows about itself.
type Status struct {
	Queued    int // requests, or connections under the MPMs with seats, that wait for a thread
	InFlight  int // requests submitted and not over
	Processes []ProcessStatus
}

// Status returns what is going on. Any goroutine may call it.
func (p *Pool) Status() Status {
	s := Status{Queued: p.Queued(), InFlight: int(p.flying.Load())}
	p.pmu.Lock()
	defer p.pmu.Unlock()
	now := p.clock.now()
	for i := range p.processes {
		if state := ProcessState(p.processes[i].state.Load()); state != Absent {
			s.Processes = append(s.Processes, p.describeProcess(i, state, now))
		}
	}
	return s
}

func (p *Pool) describeProcess(record int, state ProcessState, now int64) ProcessStatus {
	proc := &p.arena.procs[record]
	s := ProcessStatus{
		Record:     record,
		PID:        int(p.processes[record].pid.Load()),
		State:      state,
		Generation: int(atomic.LoadUint32(word(&proc.generation))),
		Threads:    p.arena.describeThreads(record, now),
	}
	if started := atomic.LoadInt64(sign(&proc.started)); started != 0 {
		s.Age = time.Duration(max(0, now-started))
	}
	for _, t := range s.Threads {
		s.Requests += t.Requests
	}
	return s
}
