package cpython

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// A stage is where the scenarios of testdata/pool are played: a front, and processes that are fakes. Each line of a
// scenario is one step of one of them; commands has them all.
type stage struct {
	*testing.T
	made     *Arena
	open     func(front bool) *Arena
	config   PoolConfig
	front    *Pool
	fakes    []*fake
	requests map[string]*Request
	seats    map[string]*Seat

	mu        sync.Mutex
	mistrusts []string
}

// TestScenarios plays what is in testdata/pool.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/pool/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, scenario := range archive.Files {
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+scenario.Name, func(t *testing.T) {
				t.Parallel()
				playScenario(t, string(scenario.Data))
			})
		}
	}
}

// playScenario executes the lines. One that hangs says where.
func playScenario(t *testing.T, text string) {
	s := newStage(t)
	var line atomic.Value
	watchdog := time.AfterFunc(10*time.Second, func() { panic(fmt.Sprintf("%s hangs at %q", t.Name(), line.Load())) })
	defer watchdog.Stop()
	for _, l := range strings.Split(text, "\n") {
		words := strings.Fields(l)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		line.Store(l)
		command, ok := commands[words[0]]
		if !ok {
			t.Fatalf("there is no step %q", l)
		}
		if err := command(s, words[1:]); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
	}
	s.front.Close()
}

const stageRequests, stageProcesses, stageThreads = 4, 3, 2

func newStage(t *testing.T) *stage {
	s := &stage{T: t, requests: map[string]*Request{}, seats: map[string]*Seat{}}
	made, open := sharedArena(t, Geometry{Requests: stageRequests, Lanes: 1, Processes: stageProcesses, Threads: stageThreads})
	s.made = made
	s.open = func(front bool) *Arena {
		if front {
			return open(made.FrontFiles())
		}
		return open(made.DaemonFiles())
	}
	for i := range stageProcesses {
		s.fakes = append(s.fakes, &fake{Arena: s.open(false), record: i})
	}
	s.config = PoolConfig{Lanes: []int{0}, Capacity: stageRequests, Distrust: s.mistrust}
	s.newFront()
	return s
}

func (s *stage) newFront() { s.front = NewPool(s.open(true), s.config) }

func (s *stage) mistrust(process, pid int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mistrusts = append(s.mistrusts, fmt.Sprint(process, " ", pid))
}

// until waits for what another goroutine is to bring about.
func until(condition func() bool) error {
	for !condition() {
		runtime.Gosched()
	}
	return nil
}

// same is the complaint about what is not as it should be.
func same[T comparable](got, want T) error {
	if got != want {
		return fmt.Errorf("it is %v", got)
	}
	return nil
}

func integer(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		panic(err)
	}
	return n
}

// A step is a command with its words.
type step func(s *stage, words []string) error

// commands are the steps. P is a process, T a thread of it, NAME a request, SEAT a seat.
var commands map[string]step

func init() {
	commands = map[string]step{
		"config":   (*stage).configure, // KEY=VALUE...: a front with this PoolConfig instead
		"front":    (*stage).replaceFront,
		"starting": become(Starting), // P: the front is told; the process takes its record
		"ready":    become(Ready),    // P, and so on: the front is told
		"failed":   become(Failed),
		"draining": become(Draining),
		"dead":     become(Dead),
		"mute":     func(s *stage, w []string) error { s.fakes[integer(w[0])].mute = true; return nil },   // P
		"silent":   func(s *stage, w []string) error { s.fakes[integer(w[0])].silent = true; return nil }, // P

		"submit":   (*stage).submit,                                                                  // NAME [SEAT]
		"refused":  (*stage).refused,                                                                 // NAME: Submit returns ErrBusy
		"resubmit": (*stage).resubmit,                                                                // NAME [SEAT]
		"verdict":  (*stage).verdict,                                                                 // NAME STATUS: news comes, and it is done
		"expire":   (*stage).expire,                                                                  // NAME: who waits for it has no more time
		"undone":   func(s *stage, w []string) error { return same(s.requests[w[0]].Done(), false) }, // NAME
		"body":     (*stage).body,                                                                    // NAME TEXT: head and then that are there
		"end":      func(s *stage, w []string) error { return same(s.requests[w[0]].End() == Open, w[1] == "open") },
		"release":  func(s *stage, w []string) error { s.requests[w[0]].Release(); return nil }, // NAME
		"free":     (*stage).free,                                                               // N: so many slots become free
		"open":     func(s *stage, w []string) error { return same(s.front.Open(), integer(w[0])) },
		"closed":   (*stage).closed, // P yes|no: what the process sees
		"flying":   func(s *stage, w []string) error { return same(s.front.Status().InFlight, integer(w[0])) },
		"queued":   func(s *stage, w []string) error { return same(s.front.Queued(), integer(w[0])) },
		"mistrust": (*stage).mistrusted, // P PID

		"pop":    (*stage).pop,   // P NAME|none
		"claim":  (*stage).claim, // P NAME yes|no
		"take":   (*stage).take,  // P NAME: both
		"begin":  onSlot(func(f *fake, n int, _ []string) { f.begin(n) }),
		"write":  onSlot(func(f *fake, n int, w []string) { f.write(n, w[0]) }), // P NAME TEXT
		"done":   onSlot(func(f *fake, n int, _ []string) { f.end(n, Complete) }),
		"torn":   onSlot(func(f *fake, n int, _ []string) { f.end(n, Torn) }),
		"refuse": onSlot(func(f *fake, n int, w []string) { f.refuse(n, integer(w[0])) }), // P NAME STATUS

		"seat":  (*stage).seat,                                                          // SEAT P T|busy|none
		"leave": func(s *stage, w []string) error { s.seats[w[0]].Close(); return nil }, // SEAT
		"valid": func(s *stage, w []string) error { return same(s.seats[w[0]].Valid(), w[1] == "yes") },
		"load":  (*stage).load,  // BUSY IDLE WAITING
		"sit":   (*stage).sit,   // P T NAME: the thread takes what it was assigned
		"stand": (*stage).stand, // P T: it is idle

		"service": (*stage).service, // DURATION: what requests take, lately
		"awake":   (*stage).awake,   // P N: so many threads of it are on duty
		"armed":   (*stage).armed,   // P yes|no
		"head":    (*stage).head,    // N: somebody moves the head of the ring
	}
}

// ---- the front ------------------------------------------------------------------

func (s *stage) configure(words []string) error {
	for _, w := range words {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "backlog":
			s.config.Backlog = integer(value)
		case "capacity":
			s.config.Capacity = integer(value)
		case "seats":
			s.config.Seats = true
		default:
			d, err := time.ParseDuration(value)
			to := map[string]*time.Duration{"connect": &s.config.Connect, "queue": &s.config.Queue, "socket": &s.config.Socket}[key]
			if to == nil || err != nil {
				return errors.Join(err, errors.New("wrong key"))
			}
			*to = d
		}
	}
	return s.replaceFront(nil)
}

// replaceFront has another front take the arena over, as after the death of the first one.
func (s *stage) replaceFront([]string) error {
	s.front.Close()
	s.newFront()
	return nil
}

func become(state ProcessState) step {
	return func(s *stage, words []string) error {
		record := integer(words[0])
		f := s.fakes[record]
		if atomic.LoadUint32(word(&f.procs[record].threads)) == 0 && state <= Failed {
			f.start()
		}
		s.front.Process(record, 100+record, state)
		return nil
	}
}

func (s *stage) closed(words []string) error {
	f := s.fakes[integer(words[0])]
	return same(atomic.LoadUint32(word(&f.procs[f.record].closed)) == 1, words[1] == "yes")
}

func (s *stage) mistrusted(words []string) error {
	return until(func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.mistrusts) > 0 && s.mistrusts[0] == strings.Join(words, " ")
	})
}

func (s *stage) free(words []string) error {
	return until(func() bool {
		n, _ := s.front.free.counts()
		return n == integer(words[0])
	})
}

// ---- requests ---------------------------------------------------------------------

func (s *stage) submitTo(words []string) error {
	r, err := s.front.Acquire(s.Context())
	if err != nil {
		return err
	}
	r.EndInput(Complete)
	s.requests[words[0]] = r
	return r.Submit(s.Context(), 0, 0, time.Now(), s.seatOf(words))
}

func (s *stage) seatOf(words []string) *Seat {
	if len(words) > 1 {
		return s.seats[words[1]]
	}
	return nil
}

func (s *stage) submit(words []string) error { return s.submitTo(words) }

func (s *stage) refused(words []string) error {
	if err := s.submitTo(words); err != ErrBusy {
		return fmt.Errorf("the error is %v", err)
	}
	return same(s.requests[words[0]].Done(), true)
}

func (s *stage) resubmit(words []string) error {
	s.requests[words[0]].Resubmit(s.seatOf(words))
	return nil
}

func (s *stage) verdict(words []string) error {
	r := s.requests[words[0]]
	for r.Wait(); !r.Done(); {
		r.Wait()
	}
	return same(r.Verdict(), integer(words[1]))
}

func (s *stage) expire(words []string) error {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	r := s.requests[words[0]]
	for !r.Done() {
		r.WaitContext(ctx)
	}
	return same(r.Verdict(), gatewayTimeout)
}

func (s *stage) body(words []string) error {
	var a response
	var body strings.Builder
	r := s.requests[words[0]]
	readHead(s, r, &a)
	for a.begun && readPiece(s, r, 1<<20, &body) {
	}
	return same(fmt.Sprint(a.status, body.String()), "200"+words[1])
}

// ---- processes --------------------------------------------------------------------

func onSlot(do func(f *fake, number int, words []string)) step {
	return func(s *stage, words []string) error {
		do(s.fakes[integer(words[0])], s.requests[words[1]].number, words[2:])
		return nil
	}
}

func (s *stage) pop(words []string) error {
	got := s.fakes[integer(words[0])].next(0)
	if words[1] == "none" {
		return same(got, -1)
	}
	return same(got, s.requests[words[1]].number)
}

func (s *stage) claim(words []string) error {
	got := s.fakes[integer(words[0])].claim(s.requests[words[1]].number)
	return same(got, words[2] == "yes")
}

// take waits until the ring has something: the watch may still have to put it there.
func (s *stage) take(words []string) error {
	f, got := s.fakes[integer(words[0])], -1
	if err := until(func() bool { got = f.next(0); return got >= 0 }); err != nil {
		return err
	}
	return errors.Join(same(got, s.requests[words[1]].number), same(f.claim(got), true))
}

// ---- seats ------------------------------------------------------------------------

func (s *stage) seat(words []string) error {
	seat, err := s.front.TakeSeat(s.Context())
	if want := map[string]error{"busy": ErrBusy, "none": ErrNoSeat}[words[1]]; want != nil || err != nil {
		return same(err, want)
	}
	s.seats[words[0]] = seat
	return same(fmt.Sprint(seat.process, seat.thread), words[1]+" "+words[2])
}

func (s *stage) load(words []string) error {
	busy, idle, waiting := s.front.Load()
	return same(fmt.Sprint(busy, idle, waiting), strings.Join(words, " "))
}

func (s *stage) sit(words []string) error {
	f := s.fakes[integer(words[0])]
	t := f.thread(f.record, integer(words[1]))
	got := atomic.SwapUint32(word(&t.assigned), 0)
	duty := atomic.LoadUint32(word(&t.duty))
	return errors.Join(same(int(got), s.requests[words[2]].number+1), same(f.claim(int(got)-1), true), same(duty, threadSeated))
}

func (s *stage) stand(words []string) error {
	f := s.fakes[integer(words[0])]
	atomic.StoreUint32(word(&f.thread(f.record, integer(words[1])).duty), idle)
	return nil
}

// ---- waking -----------------------------------------------------------------------

func (s *stage) service(words []string) error {
	d, err := time.ParseDuration(words[0])
	s.front.service.Store(int64(d))
	return err
}

func (s *stage) awake(words []string) error {
	f, n := s.fakes[integer(words[0])], 0
	for i := range f.Threads {
		if atomic.LoadUint32(word(&f.thread(f.record, i).duty))&0xff == threadDraining {
			n++
		}
	}
	return same(n, integer(words[1]))
}

func (s *stage) armed(words []string) error {
	f := s.fakes[integer(words[0])]
	return same(atomic.LoadUint32(word(&f.procs[f.record].tick)) == 1, words[1] == "yes")
}

func (s *stage) head(words []string) error {
	atomic.StoreUint64(long(&s.fakes[0].rings[0].head), uint64(integer(words[0])))
	return nil
}
