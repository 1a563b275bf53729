package cpython

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// scribble writes nonsense all over an arena until it is stopped: all of the head, and the first pages of each part of a
// slot. It has a mapping of its own, as another process would.
func scribble(a *Arena, seed uint64, stop *atomic.Bool) {
	dice := rand.New(rand.NewPCG(seed, 1))
	head := unsafe.Slice((*uint32)(unsafe.Pointer(a.head)), int(a.layout.slots_offset)/4)
	values := []func() uint32{
		dice.Uint32,
		func() uint32 { return dice.Uint32N(8) },
		func() uint32 { return dice.Uint32N(1024) },
		func() uint32 { return ^uint32(0) },
	}
	for !stop.Load() {
		at := &head[dice.IntN(len(head))]
		if dice.IntN(3) > 0 {
			slot := unsafe.Pointer(a.slot(dice.IntN(a.Requests)))
			part := []int{0, 0, 0, 512, outputOffset - InputSize, outputOffset}[dice.IntN(6)]
			at = (*uint32)(unsafe.Add(slot, part+4*dice.IntN(128)))
		}
		atomic.StoreUint32(at, values[dice.IntN(len(values))]())
	}
}

// consume does with a response what its readers do, but stops where honest processes have long been through.
func consume(t *testing.T, r *Request) {
	for range 20 {
		done := r.Done()
		if h, err := r.Head(); err == nil && h != nil && (h.Status < 200 || h.Status > 999) {
			t.Errorf("a head with the status %d", h.Status)
		}
		if b, err := r.Output(); err == nil {
			if len(b) > OutputSize {
				t.Errorf("%d bytes in a window of %d", len(b), OutputSize)
			}
			r.Advance(len(b) / 2)
		}
		if done {
			break
		}
		r.Wait()
	}
	inspect(t, r)
}

// inspect looks at everything that can be asked of a request.
func inspect(t *testing.T, r *Request) {
	if v := r.Verdict(); v != 0 && v != Retry && (v < 500 || v > 599) {
		t.Errorf("the verdict is %d", v)
	}
	if n, ok := r.BodyLength(); ok && n < 0 {
		t.Errorf("the body has %d bytes", n)
	}
	if times := r.Times(); min(times.Queue, times.GIL, times.Application, times.FirstByte) < 0 {
		t.Errorf("it took %+v", times)
	}
	r.Refused()
	r.TID()
	if file, size, err := r.File(); err == nil && file != nil {
		if size < 0 {
			t.Errorf("the file has %d bytes", size)
		}
		file.Close()
	}
}

// TestGarbage has two processes write nonsense over all that they share with the front, while it works. It does not
// fall, every request comes to an end, and when the processes are dead, all is as before.
func TestGarbage(t *testing.T) {
	t.Run("ring", func(t *testing.T) { garbage(t, false) })
	t.Run("seats", func(t *testing.T) { garbage(t, true) })
}

func garbage(t *testing.T, seats bool) {
	t.Parallel()
	const clients, times = 12, 4
	made, open := sharedArena(t, Geometry{Requests: clients, Lanes: 2, Processes: 2, Threads: 8})
	var mistrusts, stop atomic.Bool
	front := NewPool(open(made.FrontFiles()), PoolConfig{Lanes: []int{0, 1}, Capacity: clients, Seats: seats,
		Connect: time.Millisecond, Queue: time.Millisecond, Socket: time.Millisecond,
		Distrust: func(int, int, string) { mistrusts.Store(true) }})
	daemons := open(made.DaemonFiles())
	for i := range 2 {
		(&fake{Arena: daemons, record: i}).start()
		front.Process(i, 100+i, Ready)
	}
	var scribblers, group sync.WaitGroup
	scribblers.Go(func() { scribble(daemons, 1, &stop) })
	scribblers.Go(func() { ring(daemons, &stop) })
	for i := range clients {
		group.Go(func() {
			for range times {
				beClient(t, front, i, seats)
			}
		})
	}
	group.Wait()
	front.Status()
	front.Load()
	stop.Store(true)
	scribblers.Wait()
	if !mistrusts.Load() {
		t.Error("nobody was mistrusted")
	}
	recovers(t, front, daemons, seats)
}

// ring has the front look at the arena.
func ring(a *Arena, stop *atomic.Bool) {
	for !stop.Load() {
		_, _ = unix.Write(int(descriptor(a.event)), []byte{1, 0, 0, 0, 0, 0, 0, 0})
		time.Sleep(time.Millisecond)
	}
}

// beClient makes a request, or is turned away.
func beClient(t *testing.T, front *Pool, i int, seats bool) {
	var seat *Seat
	if seats {
		var err error
		if seat, err = front.TakeSeat(t.Context()); err != nil {
			return
		}
		defer seat.Close()
	}
	r, err := front.Acquire(t.Context())
	if err != nil {
		return
	}
	defer r.Release()
	r.Add("REQUEST_METHOD", "GET")
	if i%2 == 0 {
		r.CommitInput(copy(r.Input(), "body"))
	}
	r.SetBodyLength(10)
	var body sync.WaitGroup
	body.Go(func() { // brings the rest of the body, when it is asked for
		for r.WaitInput(true); r.WaitInput(false) && !r.Done(); {
			r.CommitInput(min(1, len(r.Input())))
			time.Sleep(time.Microsecond)
		}
	})
	if r.Submit(t.Context(), i%2, 0, time.Now(), seat) == nil {
		consume(t, r)
		for !r.Done() {
			r.Wait()
		}
	}
	body.Wait()
}

// recovers: the processes are dead, and new ones serve as if nothing had been.
func recovers(t *testing.T, front *Pool, a *Arena, seats bool) {
	t.Helper()
	for i := range 2 {
		front.Process(i, 100+i, Dead)
	}
	_ = until(func() bool { n, _ := front.free.counts(); return n == front.arena.Requests })
	f := &fake{Arena: a}
	f.start()
	front.Process(0, 200, Ready)
	var seat *Seat
	if seats {
		var err error
		if seat, err = front.TakeSeat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := front.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Submit(t.Context(), 0, 0, time.Now(), seat); err != nil {
		t.Fatal(err)
	}
	// The ring may still have what is not queued any more.
	_ = until(func() bool { return (seats || f.next(0) == r.number) && f.claim(r.number) })
	f.begin(r.number)
	f.end(r.number, Complete)
	for !r.Done() {
		r.Wait()
	}
	var answer response
	readHead(t, r, &answer)
	if r.Verdict() != 0 || answer.status != 200 {
		t.Errorf("verdict %d, status %d", r.Verdict(), answer.status)
	}
	r.Release()
	front.Close()
}

// FuzzSlot: whatever a process has written into a slot, what the front makes of it is within bounds.
func FuzzSlot(f *testing.F) {
	made, open := sharedArena(f, Geometry{Requests: 1, Lanes: 1, Processes: 2, Threads: 2})
	front := NewPool(open(made.FrontFiles()), PoolConfig{Lanes: []int{0}, Capacity: 1})
	a := open(made.DaemonFiles())
	(&fake{Arena: a}).start()
	front.Process(0, 1, Ready)
	head := headBlock(&Head{Status: 200, Reason: "OK", Headers: []Header{{"Name", "value"}}})
	f.Add([]byte{}, []byte(head))
	f.Add(make([]byte, 512), []byte(head))
	f.Fuzz(func(t *testing.T, slot, output []byte) {
		r, err := front.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.EndInput(Complete)
		submit(t, r, 0)
		s := a.slot(r.number)
		copy(window(s, 0, 512), slot)
		copy(window(s, outputOffset, OutputSize), output)
		for range 2 {
			if r.Head(); r.Done() {
				inspect(t, r)
			}
			if b, err := r.Output(); err == nil {
				r.Advance(len(b))
			}
			a.describeThreads(0, 0)
			atomic.StoreUint32(word(&s.state), slotDone)
		}
		r.Release()
		a.rewind(0, front.pushed(0))
	})
}
