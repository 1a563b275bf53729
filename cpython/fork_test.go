package cpython

import (
	"regexp"
	"strings"
	"testing"
)

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

// TestForkedSignals (S59): signal.signal is ignored here and registers there; the defaults end a child, Go's handlers
// are gone.
func TestForkedSignals(t *testing.T) {
	out, _ := tell(t, "fork-signals")
	if !strings.HasPrefix(out, `answer: 200 ["None", "[1] []", [15, 2, 11]]`+"\nlog: Ignoring Python signal handler registration for signal 10") ||
		strings.Count(out, "log: ") != 1 || !strings.Contains(out, `File "applications.py", line`) {
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
