package cpython

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// soak skips a test that takes minutes or measures, unless make soak runs it.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("GILD_SOAK") == "" {
		t.Skip("takes minutes or measures: run it with `make soak`")
	}
}

// TestSoakMemory: a million requests, after a warm-up, move the resident memory of the process by less than 2 MB, in each
// kind of interpreter.
func TestSoakMemory(t *testing.T) {
	soak(t)
	for _, application := range applications() {
		out, state := tell(t, "soak-memory", fmt.Sprint("GILD_TEST_APPLICATION=", application))
		t.Logf("application %d: %s", application, strings.TrimSpace(out))
		var before, after int
		if _, err := fmt.Sscanf(out, "resident kB: %d, then %d", &before, &after); err != nil || !state.Success() {
			t.Fatal(err, state, out)
		}
		if after-before > 2048 {
			t.Errorf("application %d: the process grew by %d kB", application, after-before)
		}
	}
}

// soakFunctions are what the clients of the soak ask for, in this proportion.
var soakFunctions = []struct {
	function string
	more     environ
	times    int
}{
	{"hello", nil, 30},
	{"read_all", nil, 20},
	{"pieces", environ{"SIZES", "[10, 2000, 3]"}, 15},
	{"written", environ{"SIZES", "[10, 2000, 3]"}, 10},
	{"headers", environ{"HEADERS", `[["X-A", "b"], ["Content-Type", "text/html"]]`}, 10},
	{"described", nil, 5},
	{"file", environ{"SIZE", "100", "OFFSET", "3"}, 4},
	{"log", nil, 2},
	{"raises_before", nil, 1},
	{"raises_after", nil, 1},
	{"wrong_item", nil, 1},
	{"started_twice", nil, 1},
}

func soakMemory() {
	const warm, requests, clients = 100_000, 1_000_000, 4
	var application int
	if _, err := fmt.Sscan(os.Getenv("GILD_TEST_APPLICATION"), &application); err != nil {
		panic(err)
	}
	storyPool(func(c *Config) { c.LogLevel = 0 })
	soakRounds(application, clients, warm)
	before := resident()
	soakRounds(application, clients, requests)
	fmt.Printf("resident kB: %d, then %d after %d requests more\n", before, resident(), requests)
}

// soakRounds sends the requests, shared out to the clients.
func soakRounds(application, clients, requests int) {
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for sent := 0; sent < requests/clients; {
				for _, f := range soakFunctions {
					for range f.times {
						soakRequest(application, f.function, f.more)
					}
					sent += f.times
				}
			}
		})
	}
	group.Wait()
}

func soakRequest(application int, function string, more environ) {
	var t story
	r := begin(t, storyPython, function, more)
	r.Add("HTTP_HOST", "localhost")
	send(r, "a=b&c=d", 100, Complete)
	submit(t, r, application)
	for !r.Done() {
		r.Wait()
	}
	r.Release() // what was not read, the file too, goes with it
}

// resident returns how much of the process is in memory, in kB, with what Go does not need given back.
func resident() int {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	var kB int
	if _, err := fmt.Sscan(line, &kB); err != nil {
		panic(err)
	}
	return kB
}

// ---- two GILs ----------------------------------------------------------------------

// TestSoakOwnGIL: two groups that compute, each with a GIL of its own, do at least 1.6 times the work of one. The best of
// several attempts counts, since others use the machine too.
func TestSoakOwnGIL(t *testing.T) {
	soak(t)
	if !HasOwnGIL() {
		t.Skipf("interpreters have a GIL of their own from Python 3.12 on; this is %s", ShortVersion())
	}
	out, state := tell(t, "soak-gils")
	t.Log(strings.TrimSpace(out))
	_, line, _ := strings.Cut(out, "best ratio: ")
	var ratio float64
	if _, err := fmt.Sscan(line, &ratio); err != nil || !state.Success() {
		t.Fatal(err, state)
	}
	if ratio < 1.6 {
		t.Errorf("two groups do %.2f times the work of one, less than 1.6", ratio)
	}
}

func soakGILs() {
	storyPool(func(c *Config) {
		c.Interpreters = append(c.Interpreters, Interpreter{Name: "own2", OwnGIL: true})
		c.Applications = append(c.Applications, Application{Interpreter: 3, Spec: "application", Name: "own2.wsgi"})
	})
	best := 0.0
	for range 8 {
		one := computeIn(inOwn)
		both := computeIn(inOwn, inOwn+1)
		ratio := 2 * one.Seconds() / both.Seconds()
		fmt.Printf("one group %v, two groups %v: %.2f\n", one.Round(time.Millisecond), both.Round(time.Millisecond), ratio)
		best = max(best, ratio)
	}
	fmt.Println("best ratio:", best)
}

// computeIn sends each application the same work, from two clients each, and returns how long all of it took.
func computeIn(applications ...int) time.Duration {
	start := time.Now()
	var group sync.WaitGroup
	for _, application := range applications {
		for range 2 {
			group.Go(func() {
				for range 100 {
					var t story
					r := begin(t, storyPython, "compute", environ{"COUNT", "200000"})
					r.EndInput(Complete)
					submit(t, r, application)
					for !r.Done() {
						r.Wait()
					}
					r.Release()
				}
			})
		}
	}
	group.Wait()
	return time.Since(start)
}
