package cpython

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func init() {
	stories["count"] = storyCount
	stories["count-early"] = storyCountEarly
	stories["scoreboard"] = func() { storyPool(serverMetrics); play("scoreboard", "REQUEST_METHOD", "GET", "REQUEST_URI", "/s") }
}

func serverMetrics(c *Config) { oneThread(c); c.ServerMetrics = true; c.Generation = 7 }

func storyCount() {
	storyPool(oneThread)
	play("hello")
	play("count")
	play("status", "STATUS", "404 x")
	play("raises_before")
	play("read_all")
	play("counted")
}

// storyCountEarly asks for everything while the application is loaded, before there are request threads.
func storyCountEarly() {
	edit(script("loaded", "import mod_wsgi\nmod_wsgi._start_counting()\nsaid = [mod_wsgi._counters()[0]['elapsed'], mod_wsgi._own_threads(), "+
		"[thread[1] for thread in mod_wsgi._threads()], len(mod_wsgi._scoreboard()), list(mod_wsgi.active_requests)]\n"+
		"import sys\nsys.stderr.write(f'{said}\\n')\n"))
	c := testConfig()
	c.LogFD = storyJournal.fd[1]
	reloading(&c)
	c.ServerMetrics = true
	var err error
	if storyPython, err = startBoth(c); err != nil {
		fmt.Println("error:", err)
	}
	play("")
}

func TestCountersAtLoad(t *testing.T) {
	out := tellScript(t, "count-early")
	if want := "log: [0, [(0, 0, False)], [None], 1, []]\n"; !strings.HasPrefix(out, "answer: 200 loaded\n") || !strings.HasSuffix(out, want) {
		t.Errorf("%s\nwant %s", out, want)
	}
}

// counters is what mod_wsgi._counters() has for one thread.
type counters struct {
	Requests, Busy, Longest uint64
	InputReads              uint64 `json:"input_reads"`
	OutputWrites            uint64 `json:"output_writes"`
	OutputBytes             uint64 `json:"output_bytes"`
	Elapsed                 int64
	Classes                 []uint64
	Phases                  [][]any
}

// TestCounters: what came after _start_counting() is counted, and the one that asks is running.
func TestCounters(t *testing.T) {
	out, state := tell(t, "count")
	_, text, ok := strings.Cut(out, "answer: 200 [[")
	if !ok || !state.Success() || !strings.Contains(out, "answer: 200 None\n") {
		t.Fatalf("%v: %s", state, out)
	}
	var list []counters
	var usage []float64
	var threads [][]any
	if err := json.Unmarshal([]byte(strings.SplitN("[["+text, "\n", 2)[0]), &[]any{&list, &usage, &threads}); err != nil || len(list) != 1 {
		t.Fatal(err, text)
	}
	c := list[0]
	if c.Requests != 3 || !slices.Equal(c.Classes, []uint64{0, 1, 0, 1, 1}) || c.InputReads != 1 || c.OutputWrites != 1 || c.OutputBytes != 4 {
		t.Errorf("%+v", c)
	}
	if c.Elapsed <= 0 || c.Longest == 0 || c.Busy < c.Longest || len(c.Phases) != 8 {
		t.Errorf("%+v", c)
	}
	for i, phase := range c.Phases {
		sum := 0.0
		for _, n := range phase[3].([]any) {
			sum += n.(float64)
		}
		if sum != 3 || len(phase[3].([]any)) != 65 || phase[1].(float64) > phase[2].(float64) || phase[0].(float64) < phase[2].(float64) {
			t.Errorf("phase %d: %v", i, phase)
		}
	}
	if usage[0] <= 0 || usage[2] < 1<<20 {
		t.Errorf("usage: %v", usage)
	}
	if len(threads) != 1 || threads[0][0] != 5.0 || threads[0][2] != true {
		t.Errorf("threads: %v", threads)
	}
}

// TestScoreboardOfTheGroup: the application sees the processes of its group if it may, and nothing otherwise.
func TestScoreboardOfTheGroup(t *testing.T) {
	if a := get(t, inMain, "scoreboard"); a.body != "null" {
		t.Error(a.body)
	}
	out, state := tell(t, "scoreboard")
	var board [][]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(out, "answer: 200 ")), &board); err != nil || len(board) != 1 {
		t.Fatalf("%v %v: %s", err, state, out)
	}
	process := board[0]
	if pid := process[0].(float64); int(pid) != state.Pid() || int(pid) == os.Getpid() || process[1] != 7.0 || process[2] != 0.0 {
		t.Errorf("%v, of process %d", process, state.Pid())
	}
	thread := process[4].([]any)[0].([]any)
	if items := thread[3].([]any); items[1] != "GET /s" || thread[0] == 0.0 || thread[2].(float64) <= 0 {
		t.Errorf("%v", thread)
	}
}
