package cpython

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	stories["stuck"] = func() { storyStuck(inMain) }
	stories["stuck-second"] = func() { storyStuck(inSecond) }
}

// TestThreads: a thread is known by its request and its frame, in its own interpreter only.
func TestThreads(t *testing.T) {
	for _, application := range everywhere() {
		want := `[[1, "GET /x?y"], "threads", 1]`
		a := get(t, application, "threads", "REQUEST_METHOD", "GET", "REQUEST_URI", "/x?y")
		if IsFreeThreaded() {
			want = strings.Replace(want, `"threads"`, "null", 1)
		}
		if _, rest, ok := strings.Cut(a.body, ","); !ok || rest != want[strings.Index(want, ",")+1:] {
			t.Errorf("application %d: %s, want %s", application, a.body, want)
		}
	}
}

// everywhere are the applications that answer, one in each interpreter.
func everywhere() []int {
	if HasOwnGIL() {
		return []int{inMain, inSecond, inOwn}
	}
	return []int{inMain, inSecond}
}

// storyStuck has a request hold the GIL in C, and the stacks dumped, which are printed up to the frame of the application.
func storyStuck(application int) {
	var t story
	out, err := os.OpenFile("/dev/stdout", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	dump, stderr := pipe(t)
	if err := unix.Dup2(int(stderr.Fd()), 2); err != nil {
		t.Fatal(err)
	}
	storyPool(func(c *Config) { c.Threads = 1 })
	started, ready := pipe(t)
	release, go_ := pipe(t)
	r := begin(t, storyPython, "stuck_in_c", environ{"READY", number(ready), "FD", number(release), "REQUEST_METHOD", "GET", "REQUEST_URI", "/stuck"})
	r.EndInput(Complete)
	submit(t, r, application)
	if _, err := started.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	storyPython.DumpWithoutGIL()
	lines := bufio.NewScanner(dump)
	for lines.Scan() && !strings.Contains(lines.Text(), "in stuck_in_c") {
	}
	fmt.Fprintln(out, lines.Text())
	if _, err := go_.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(out, "answer:", read(t, r, 100).status)
	for _, message := range storyJournal.take() {
		fmt.Fprintln(out, "log:", message)
	}
}

func pipe(t story) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func number(f *os.File) string { return strconv.Itoa(int(f.Fd())) }

// TestDumpWithoutGIL: the Python stack is written although the GIL is never let go.
func TestDumpWithoutGIL(t *testing.T) {
	if IsFreeThreaded() {
		t.Skip("there is no GIL to hold")
	}
	for _, name := range []string{"stuck", "stuck-second"} {
		out, state := tell(t, name)
		if !strings.Contains(out, `File "applications.py", line `) || !strings.Contains(out, " in stuck_in_c\nanswer: 200\n") ||
			!strings.Contains(out, " serves GET /stuck for ") || !state.Success() {
			t.Errorf("%s: %v: %s", name, state, out)
		}
	}
}
