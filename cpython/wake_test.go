package cpython

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestWakeRule is Go's half of the rule, on an arena without Python: threads are woken while fewer drain the lane than
// are wanted; then the ticker is.
func TestWakeRule(t *testing.T) {
	a, err := NewArena(Geometry{Requests: 4, Lanes: 2, Processes: 1, Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	pool := NewPool(a, PoolConfig{Lanes: []int{0, 1}, Capacity: 3})
	pool.Process(0, 1, Ready)
	p := &a.procs[0]
	p.threads, p.lanes[0].wanted, p.lanes[1].wanted = 3, 1, 2
	look := func() string {
		var duties []string
		for i := range 3 {
			w := *word(&a.thread(0, i).duty)
			duties = append(duties, fmt.Sprintf("%d/%d", w&0xff, w>>8))
		}
		return fmt.Sprintf("%s drain %d %d tick %d", strings.Join(duties, " "), p.lanes[0].drainers, p.lanes[1].drainers, p.tick)
	}
	for i := range 3 {
		*word(&a.thread(0, i).duty) = idle
	}
	for _, c := range []struct {
		lane int
		want string
	}{
		{0, "2/0 1/0 1/0 drain 1 0 tick 0"}, // the first one is woken
		{0, "2/0 1/0 1/0 drain 1 0 tick 1"}, // it is enough
		{1, "2/0 2/1 1/0 drain 1 1 tick 1"}, // another lane has its own
		{1, "2/0 2/1 2/1 drain 1 2 tick 1"}, // which wants two
		{1, "2/0 2/1 2/1 drain 1 2 tick 1"},
	} {
		pool.wake(c.lane, 7)
		if got := look(); got != c.want {
			t.Errorf("after a request for lane %d: %s, want %s", c.lane, got, c.want)
		}
	}
	// One left the lane, and nobody is idle: the count must not stay raised.
	p.lanes[1].drainers = 1
	pool.wake(1, 7)
	if got := look(); got != "2/0 2/1 2/1 drain 1 1 tick 1" {
		t.Errorf("with nobody idle: %s", got)
	}
}

// TestSleepersShareThreads: requests that block in the application are served by as many threads as there are.
func TestSleepersShareThreads(t *testing.T) {
	threads := sync.Map{}
	var group sync.WaitGroup
	for range testThreads {
		r := begin(t, python(), "gather", environ{"COUNT", fmt.Sprint(testThreads)})
		r.EndInput(Complete)
		submit(t, r, inMain)
		group.Go(func() {
			threads.Store(read(t, r, 100).body, true)
			r.Release()
		})
	}
	group.Wait()
	for i := range testThreads {
		if _, ok := threads.Load(fmt.Sprint(i + 1)); !ok {
			t.Errorf("thread %d served none of the requests that waited for each other", i+1)
		}
	}
}

// holdUp has one request compute until another one of the same GIL has been served: nothing but the tick, which says
// that the first is long, brings a second thread. The process is fresh, with one thread wanted.
func holdUp() {
	storyPool(nil)
	var t story
	for _, application := range applications() {
		long := begin(t, storyPython, "spin", nil)
		long.EndInput(Complete)
		submit(t, long, application)
		playIn(application, "set_event", "EVENT", "spin")
		fmt.Println(read(t, long, 100).body)
		long.Release()
	}
}

func TestLongRequestHoldsUpNobody(t *testing.T) {
	out, state := tell(t, "hold-up")
	if strings.Count(out, "released\n") != len(applications()) || !state.Success() {
		t.Errorf("%v: %s", state, out)
	}
}

// TestComputingWantsOneThread: under one GIL a second thread is not woken for requests that only compute. Seen in the
// arena: threads that are on duty, against those that are wanted.
func TestComputingWantsOneThread(t *testing.T) {
	if IsFreeThreaded() {
		t.Skip("without a GIL all threads are wanted")
	}
	p := python()
	var crowded, looks atomic.Int64
	var group sync.WaitGroup
	lane := &p.Pool.arena.procs[0].lanes[0]
	for range 8 {
		group.Go(func() {
			for range 200 {
				r := begin(t, p, "compute", environ{"COUNT", "500"})
				r.EndInput(Complete)
				submit(t, r, inMain)
				looks.Add(1)
				if n := atomic.LoadUint32(word(&lane.drainers)); n > atomic.LoadUint32(word(&lane.wanted)) {
					crowded.Add(1) // for a moment, when two are about to wake somebody
				}
				read(t, r, 100)
				r.Release()
			}
		})
	}
	group.Wait()
	if crowded.Load() > looks.Load()/10 {
		t.Errorf("in %d of %d looks more threads served the lane than were wanted", crowded.Load(), looks.Load())
	}
}

// TestThreadLocal: a thread stays the same for Python, in each interpreter.
func TestThreadLocal(t *testing.T) {
	for _, application := range applications() {
		counts := map[int]int{}
		for range 50 {
			var thread, count int
			a := get(t, application, "thread_local")
			if _, err := fmt.Sscanf(a.body, "[%d, %d]", &thread, &count); err != nil {
				t.Fatal(err, a.String())
			}
			if before, known := counts[thread]; known && count != before+1 {
				t.Fatalf("application %d: thread %d counted %d, and then %d", application, thread, before, count)
			}
			counts[thread] = count
		}
	}
}

// TestScoreboard: the arena says what a thread is doing.
func TestScoreboard(t *testing.T) {
	p := python()
	r := begin(t, p, "wait_for_event", environ{"EVENT", "scoreboard"})
	r.EndInput(Complete)
	submit(t, r, inMain)
	thread := -1
	for i := 0; thread < 0; i = (i + 1) % testThreads {
		record := p.Pool.arena.thread(0, i)
		if atomic.LoadUint32(word(&record.slot)) == uint32(r.number) && atomic.LoadUint32(word(&record.serial)) == uint32(r.slot.serial) {
			thread = i
		}
	}
	record := p.Pool.arena.thread(0, thread)
	if record.tid == 0 || record.since == 0 || *word(&record.duty) == idle {
		t.Errorf("the thread that serves has id %d, duty %d, since %d", record.tid, record.duty, record.since)
	}
	before := atomic.LoadUint64(long(&record.requests))
	get(t, inMain, "set_event", "EVENT", "scoreboard")
	read(t, r, 100)
	r.Release()
	for atomic.LoadUint64(long(&record.requests)) == before {
	}
}
