package cpython

import (
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func init() { stories["fork-killed"] = storyForkKilled }

// The stories of forking have no sub-interpreter: with one, CPython itself hangs or aborts in a forked child
// (gh-84139, gh-101437).

// TestForkedChild: the objects of the request are the parent's; the child can log, without the parent's
// half of a line; the parent's response is whole.
func TestForkedChild(t *testing.T) {
	const want = `answer: 200 OSError: read() called on wsgi.input in a forked child: the body belongs to the parent process
OSError: start_response() called in a forked child: the response belongs to the parent process
OSError: write() called in a forked child: the response belongs to the parent process
log: the child can log
log: half of a line, and its rest
`
	if out, state := tell(t, "fork"); out != want || !state.Success() {
		t.Errorf("%v: %s\nwant %s", state, out, want)
	}
}

// TestForkedSignals (S59, S60, S61): signal.signal is ignored here and registers there; the defaults end a child, Go's
// handlers are gone.
func TestForkedSignals(t *testing.T) {
	for _, name := range []string{"fork-signals", "fork-signals-daemon"} {
		out, _ := tell(t, name)
		if !strings.HasPrefix(out, `answer: 200 ["None", "[1] []", [15, 2, 11, 10]]`+"\nlog: Ignoring Python signal handler registration for signal 10") ||
			strings.Count(out, "log: ") != 1 || !strings.Contains(out, `File "applications.py", line`) {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// storyForkKilled has Go handle TERM, as it does in a daemon process.
func storyForkKilled() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	storyPool(mainOnly)
	play("fork_and_kill")
}

// TestForkedChildKilled (S60): a child that gets TERM before it has done anything ends by it.
func TestForkedChildKilled(t *testing.T) {
	if out, _ := tell(t, "fork-killed"); out != "answer: 200 all\n" {
		t.Error(out)
	}
}

// TestForkedChildReturns: a child that comes back from its request ends there, and touches nothing of its parent's.
func TestForkedChildReturns(t *testing.T) {
	for _, name := range []string{"fork-call", "fork-iterator"} {
		out, _ := tell(t, name)
		if !strings.HasPrefix(out, "answer: 200 parent 1\nlog: a forked child") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestSubprocess: a program that the application starts has no signals blocked, and SIGPIPE not ignored.
func TestSubprocess(t *testing.T) {
	blocked := regexp.MustCompile(`(?m)^SigBlk:\t0+$`)
	ignored := regexp.MustCompile(`(?m)^SigIgn:\t[0-9a-f]{12}[02468ace][0-9a-f]{3}$`) // SIGPIPE is 13: bit 12
	for _, application := range []int{inMain, inSecond} {
		a := get(t, application, "subprocess_state")
		if !blocked.MatchString(a.body) || !ignored.MatchString(a.body) {
			t.Errorf("application %d: %v", application, a.body)
		}
	}
}
