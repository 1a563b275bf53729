package cpython

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A story runs in a process of its own; what it prints is what the test looks at.
var stories = map[string]func(){
	"crash":         func() { storyPool(nil); play("crash", "QUERY_STRING", "") },
	"crash-thread":  func() { storyPool(nil); play("crash", "QUERY_STRING", "thread") },
	"crash-loading": func() { storyPool(func(c *Config) { c.Applications[0].Spec = "crash" }) },
	"crash-go":      crashInGo,
	"stop":          func() { stop(nil) },
	"stop-daemon":   stopWithDaemon,
	"stop-skip":     func() { stop(func(c *Config) { c.SkipFinalize = true }) },
	"start-twice":   startTwice,
	"bad-prelude":   func() { storyPool(func(c *Config) { c.Prelude = "1 / 0" }) },
	"bad-home":      func() { storyPool(func(c *Config) { c.Home = "/nonexistent"; c.Executable = "" }) },
	"bad-stack":     func() { storyPool(func(c *Config) { c.StackSize = 1 }) },
	"with-gil":      withGIL,
	"starvation":    starvation,
	"soak-memory":   soakMemory,
	"hold-up":       holdUp,
	"soak-gils":     soakGILs,
	"fork":          func() { storyPool(mainOnly); play("fork") },
	"fork-signals":  func() { storyPool(mainOnly); play("fork_signals") },
	"fork-signals-daemon": func() {
		storyPool(func(c *Config) { mainOnly(c); c.ProcessGroup = "group" })
		play("fork_signals")
	},
	"fork-call":     func() { storyPool(mainOnly); play("fork_and_return", "WHERE", "call") },
	"fork-iterator": func() { storyPool(mainOnly); play("fork_and_return", "WHERE", "iterator") },
	"stacks":        func() { storyPool(func(c *Config) { c.StackSize = 1 << 20 }); play("hello") },
}

var (
	storyPython  *both
	storyJournal = newJournal()
)

// storyPool starts the Python of a story, or says why it cannot and ends.
func storyPool(change func(*Config)) {
	c := testConfig()
	c.LogFD = storyJournal.fd[1]
	if change != nil {
		change(&c)
	}
	p, err := startBoth(c)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	storyPython = p
	storyJournal.take() // what was said about loading is not the story
}

// mainOnly is a Python without sub-interpreters.
func mainOnly(c *Config) {
	c.Interpreters, c.Applications = c.Interpreters[:1], c.Applications[:1]
}

// play sends a request to the first application and prints the answer and what was logged.
func play(function string, more ...string) {
	playIn(0, function, more...)
}

func playIn(application int, function string, more ...string) {
	var t story
	r := begin(t, storyPython, function, more)
	r.EndInput(Complete)
	submit(t, r, application)
	a := read(t, r, 1<<20)
	r.Release()
	fmt.Println("answer:", a.status, a.body)
	for _, message := range storyJournal.take() {
		fmt.Println("log:", message)
	}
}

// tell runs a story and returns what it printed, and how it ended.
func tell(t *testing.T, name string, environment ...string) (string, *os.ProcessState) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), "GILD_TEST_STORY="+name), environment...)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), command.ProcessState
}

// ---- crashes ------------------------------------------------------------------------

// TestCrash: a crash in Python code ends the process by its signal, not by Go's report, and the Python stack is shown.
func TestCrash(t *testing.T) {
	for _, name := range []string{"crash", "crash-thread"} {
		out, state := tell(t, name)
		status := state.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != syscall.SIGSEGV {
			t.Errorf("%s: it ended with %v", name, state)
		}
		if !strings.Contains(out, "Fatal Python error: Segmentation fault") || !strings.Contains(out, "string_at") || strings.Contains(out, "goroutine") {
			t.Errorf("%s: it printed %s", name, out)
		}
	}
}

// crashInGo follows a nil pointer in Go, with Python there, and recovers, as a server does with each request.
func crashInGo() {
	storyPool(nil)
	defer func() { fmt.Println("recovered:", recover()) }()
	var r *Request
	r.length++
}

func TestPanicsOfGoAreGos(t *testing.T) {
	out, state := tell(t, "crash-go")
	if !strings.Contains(out, "recovered: runtime error: invalid memory address") || !state.Success() {
		t.Errorf("%v: %s", state, out)
	}
}

// ---- start and stop -----------------------------------------------------------------

func stop(change func(*Config)) {
	storyPool(change)
	for i := range storyPython.config.Lanes {
		if i != broken {
			playIn(i, "say_at_exit", "FILE", os.Getenv("GILD_TEST_FILE"))
		}
	}
	storyPython.Stop()
	fmt.Println("stopped")
}

// stopWithDaemon leaves a thread in a sub-interpreter, which then cannot be ended: CPython would abort.
func stopWithDaemon() {
	storyPool(nil)
	playIn(inSecond, "leave_daemon")
	stop := make(chan struct{})
	go func() { storyPython.Stop(); close(stop) }()
	<-stop
	fmt.Println("stopped")
}

// TestStop: atexit functions run, in the sub-interpreters first.
func TestStop(t *testing.T) {
	groups := "second\nown\n\n"
	if !HasOwnGIL() {
		groups = "second\n\n"
	}
	for name, want := range map[string]string{"stop": groups, "stop-skip": "", "stop-daemon": ""} {
		file := filepath.Join(t.TempDir(), "said")
		out, state := tell(t, name, "GILD_TEST_FILE="+file)
		if !state.Success() || !strings.Contains(out, "stopped\n") {
			t.Errorf("%s: %v: %s", name, state, out)
		}
		if said, _ := os.ReadFile(file); string(said) != want {
			t.Errorf("%s: the atexit functions said %q, want %q", name, said, want)
		}
	}
}

func startTwice() {
	storyPool(nil)
	_, err := startBoth(testConfig())
	fmt.Println("error:", err)
	play("hello")
}

// TestStartErrors are the sentences of starts that fail.
func TestStartErrors(t *testing.T) {
	for name, want := range map[string]string{
		"start-twice": "error: cpython: Python was started in this process before\nanswer: 200 hello\n",
		"bad-prelude": "error: cpython: interpreter '' cannot be prepared: division by zero\n",
		"bad-home":    "error: cpython: Python cannot start: ",
		"bad-stack":   "error: cpython: thread 1 of 4 cannot be started with a stack of 1 bytes: Invalid argument\n",
	} {
		if out, state := tell(t, name); !strings.Contains(out, want) || state.Sys().(syscall.WaitStatus).Signaled() {
			t.Errorf("%s: %v: %s", name, state, out)
		}
	}
}

// TestConfigErrors are refused before Python starts, so this process can try them.
func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(c *Config){
		"the first interpreter must be the main one":                    func(c *Config) { c.Interpreters[0].Name = "x" },
		"application main.wsgi is in interpreter 9 of":                  func(c *Config) { c.Applications[0].Interpreter = 9 },
		"0 threads asked for, 1 to 512 are possible":                    func(c *Config) { c.Threads = 0 },
		"513 threads asked for":                                         func(c *Config) { c.Threads = 513 },
		"asks for a GIL of its own, which Python has from":              func(c *Config) { ownGILs(c, 1) },
		"32 interpreters with a GIL of their own asked for, at most 31": func(c *Config) { ownGILs(c, 32) },
		"free threading needs a free-threaded build of Python":          func(c *Config) { c.FreeThreading = true },
	} {
		c := testConfig()
		change(&c)
		if HasOwnGIL() && strings.HasPrefix(want, "asks for a GIL") || !HasOwnGIL() && strings.HasPrefix(want, "32 inter") ||
			IsFreeThreaded() && strings.HasPrefix(want, "free threading") {
			continue // possible with this Python, or refused for another reason
		}
		if _, err := startBoth(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func ownGILs(c *Config, n int) {
	c.Interpreters = c.Interpreters[:1]
	for i := range n {
		c.Interpreters = append(c.Interpreters, Interpreter{Name: fmt.Sprint(i), OwnGIL: true})
	}
}

func TestStackSize(t *testing.T) {
	if out, _ := tell(t, "stacks"); !strings.Contains(out, "answer: 200 hello") {
		t.Error(out)
	}
}

// ---- other kinds of Python -------------------------------------------------------------

// withGIL runs a free-threaded build with the GIL that it can have; the other tests run it without.
func withGIL() {
	storyPool(func(c *Config) { c.FreeThreading = false })
	fmt.Println("wanted:", storyPython.Pool.arena.procs[0].lanes[0].wanted)
	play("hello")
	storyPython.Stop()
}

func TestFreeThreading(t *testing.T) {
	if !IsFreeThreaded() {
		t.Skip("this build of Python has a GIL")
	}
	if out, state := tell(t, "with-gil"); !state.Success() || out != "wanted: 1\nanswer: 200 hello\n" {
		t.Errorf("%v: %s", state, out)
	}
	if n := python().Pool.arena.procs[0].lanes[0].wanted; n != testThreads {
		t.Errorf("without a GIL %d threads are wanted, not all %d", n, testThreads)
	}
}

// starvation keeps requests waiting in one lane until some of another lane have been served, with one thread in all.
func starvation() {
	storyPool(func(c *Config) { c.Threads = 1 })
	done, stopped := make(chan struct{}), make(chan struct{}, testRequests-1)
	for range cap(stopped) {
		go func() {
			for {
				select {
				case <-done:
					stopped <- struct{}{}
					return
				default:
					keepBusy()
				}
			}
		}()
	}
	for range 5 {
		playIn(inOwn, "hello")
	}
	close(done)
	for range cap(stopped) {
		<-stopped
	}
}

func keepBusy() {
	var t story
	r := begin(t, storyPython, "compute", environ{"COUNT", "100000"})
	r.EndInput(Complete)
	submit(t, r, inMain)
	read(t, r, 100)
	r.Release()
}

func TestLanesAreServedInTurn(t *testing.T) {
	if !HasOwnGIL() {
		t.Skipf("there is one lane only: interpreters have a GIL of their own from Python 3.12 on; this is %s", ShortVersion())
	}
	if out, state := tell(t, "starvation"); !state.Success() || strings.Count(out, "answer: 200 hello") != 5 {
		t.Errorf("%v: %s", state, out)
	}
}
