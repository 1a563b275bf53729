package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// a clock is one that the test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// rotating opens an access log in dir that is rotated after 20 bytes.
func rotating(t *testing.T, dir string, keep int, c *clock) *Writer {
	t.Helper()
	w, err := OpenWriter(Options{ErrorLog: filepath.Join(dir, "error_log"), AccessLog: filepath.Join(dir, "access_log"),
		Rotate: 20, Keep: keep, Stderr: io.Discard, now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// files are those in dir whose name begins with prefix, with their content.
func files(t *testing.T, dir, prefix string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			all = append(all, e.Name()+": "+content(t, filepath.Join(dir, e.Name())))
		}
	}
	return all
}

// A file is named after the moment of its opening, in UTC; the write after the one that fills it goes into another; two of one
// second are one.
func TestRotate(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Date(2026, 1, 3, 0, 59, 58, 0, time.FixedZone("CET", 3600))}
	w := rotating(t, dir, 0, c)
	w.Access([]byte("ten bytes\n"))
	c.Time = c.Add(time.Second)
	w.Access([]byte("more than ten bytes\nin one block\n"))
	w.Access([]byte("into the next\n"))
	w.Access([]byte("fills it up\n"))
	w.Access([]byte("in the same second\n"))
	c.Time = c.Add(2 * time.Second)
	w.Access([]byte("last\n"))
	want := []string{
		"access_log.2026-01-02-23_59_58: ten bytes\nmore than ten bytes\nin one block\n",
		"access_log.2026-01-02-23_59_59: into the next\nfills it up\nin the same second\n",
		"access_log.2026-01-03-00_00_01: last\n",
	}
	if got := files(t, dir, "access_log"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A server that is started again goes on with a file of its own.
func TestRotateRestart(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Unix(0, 0)}
	rotating(t, dir, 0, c).Access([]byte("one\n"))
	c.Time = c.Add(time.Second)
	rotating(t, dir, 0, c).Access([]byte("two\n"))
	want := []string{"access_log.1970-01-01-00_00_00: one\n", "access_log.1970-01-01-00_00_01: two\n"}
	if got := files(t, dir, "access_log"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// The newest are kept, of the log that is rotated; what only looks similar is not touched.
func TestRotateKeep(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Unix(0, 0)}
	for _, other := range []string{"access_log", "access_log.2026", "access_log.1970-01-01-00_00_00.gz", "access_logs.1970-01-01-00_00_00"} {
		if err := os.WriteFile(filepath.Join(dir, other), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w := rotating(t, dir, 2, c)
	for i := range 5 {
		w.Access(fmt.Appendf(nil, "a line of more than twenty bytes: %d\n", i))
		c.Time = c.Add(time.Second)
	}
	const line = "a line of more than twenty bytes: "
	want := []string{"access_log: ", "access_log.1970-01-01-00_00_00.gz: ", "access_log.1970-01-01-00_00_03: " + line + "3\n",
		"access_log.1970-01-01-00_00_04: " + line + "4\n", "access_log.2026: ", "access_logs.1970-01-01-00_00_00: "}
	if got := files(t, dir, "access_log"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// When no file can be begun the old one goes on, which is told once; a rotated log that was moved away is begun anew by Reopen.
func TestRotateFails(t *testing.T) {
	top, c := t.TempDir(), &clock{time.Unix(0, 0)}
	dir, moved := filepath.Join(top, "logs"), filepath.Join(top, "moved")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w := rotating(t, dir, 0, c)
	w.levels, w.most = Levels{Level: Warn}, Warn
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.Access([]byte("a line of thirty bytes, or so\n"))
		c.Time = c.Add(time.Second)
	}
	if got := content(t, filepath.Join(moved, "access_log.1970-01-01-00_00_00")); strings.Count(got, "\n") != 5 {
		t.Errorf("lines are lost: %q", got)
	}
	if got := content(t, filepath.Join(moved, "error_log.1970-01-01-00_00_00")); strings.Count(got, "which is full") != 1 {
		t.Errorf("told: %q", got)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Reopen(); err != nil {
			t.Fatal(err)
		}
		c.Time = c.Add(time.Second)
	}
	w.Access([]byte("new\n"))
	if got := files(t, dir, "access_log"); !slices.Equal(got, []string{"access_log.1970-01-01-00_00_05: new\n"}) {
		t.Errorf("reopened: %q", got)
	}
}

// Many writers, and files that are followed by others all the time: each line is there once and whole.
func TestRotateLosesNothing(t *testing.T) {
	const writers, lines = 8, 500
	dir := t.TempDir()
	var mu sync.Mutex
	moment := time.Unix(0, 0)
	tick := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		moment = moment.Add(time.Second)
		return moment
	}
	w, err := OpenWriter(Options{AccessLog: filepath.Join(dir, "log"), Rotate: 1000, now: tick})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range lines {
				w.Access(fmt.Appendf(nil, "writer %d line %d\n", i, j))
			}
		})
	}
	all.Wait()
	var text strings.Builder
	for _, f := range files(t, dir, "log") {
		_, content, _ := strings.Cut(f, ": ")
		text.WriteString(content)
	}
	got := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != writers*lines {
		t.Errorf("%d different lines, want %d", n, writers*lines)
	}
}

// When the clock is set back the open file has the oldest name; it stays.
func TestRotateBackwards(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Date(2026, 1, 3, 0, 0, 10, 0, time.UTC)}
	w := rotating(t, dir, 1, c)
	w.Access([]byte("more than twenty bytes\n"))
	c.Time = c.Add(-5 * time.Second)
	w.Access([]byte("after the clock was set\n"))
	got := files(t, dir, "access_log")
	if want := "access_log.2026-01-03-00_00_05: after the clock was set\n"; !slices.Contains(got, want) {
		t.Errorf("got %q, which is not %q", got, want)
	}
}
