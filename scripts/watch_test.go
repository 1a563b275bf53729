package scripts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gild/logs"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// scene is a watcher whose looks the test decides on, and the files of a directory.
type scene struct {
	*watcher
	t     *testing.T
	dir   string
	names []string // what list returns, relative to dir
	fail  error    // what list fails with
	lines []string // of the log
}

// polled is how a system answers that cannot tell of changes.
func polled() (*fsnotify.Watcher, error) { return nil, errors.New("no such thing here") }

// newScene makes the files and a watcher of them that has looked once.
func newScene(t *testing.T, open func() (*fsnotify.Watcher, error), names ...string) *scene {
	s := &scene{t: t, dir: t.TempDir(), names: names}
	for _, name := range names {
		s.write(name, "first")
	}
	s.watcher = newWatcher(s.paths, s, newDirectories(open))
	t.Cleanup(s.directories.close)
	s.begin()
	return s
}

func (s *scene) Enabled(logs.Level) bool { return true }
func (s *scene) Log(r logs.Record) {
	message := strings.ReplaceAll(r.Message, s.dir, "DIR")
	s.lines = append(s.lines, strings.ReplaceAll(message, fmt.Sprintf("(pid=%d)", os.Getpid()), "(pid=N)"))
}

// paths is the list of the watcher.
func (s *scene) paths() (paths []string, err error) {
	for _, name := range s.names {
		paths = append(paths, s.path(name))
	}
	return paths, s.fail
}

func (s *scene) path(name string) string { return filepath.Join(s.dir, name) }

// must is for what a test does to files.
func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// write writes a file in place.
func (s *scene) write(name, text string) {
	s.t.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	s.must(os.WriteFile(s.path(name), []byte(text), 0o644))
}

// replace writes a file as editors do: another one takes its name. Time and size stay, to make it difficult.
func (s *scene) replace(name, text string) {
	s.t.Helper()
	before, err := os.Stat(s.path(name))
	s.must(err)
	s.write(name+"~", text)
	s.must(os.Chtimes(s.path(name+"~"), before.ModTime(), before.ModTime()))
	s.must(os.Rename(s.path(name+"~"), s.path(name)))
}

// expect says what the next look has to find, "" for nothing.
func (s *scene) expect(name string) {
	s.t.Helper()
	s.look()
	select {
	case path := <-s.changed:
		if name == "" || path != s.path(name) {
			s.t.Errorf("a change of %s was found, not of %q", path, name)
		}
	default:
		if name != "" {
			s.t.Errorf("the change of %s was not found", name)
		}
	}
}

func TestWatchFindsChanges(t *testing.T) {
	s := newScene(t, polled, "a.py", "pkg/b.py")
	s.expect("")
	s.write("pkg/b.py", "second, longer")
	s.expect("pkg/b.py")
	s.expect("")
	s.replace("a.py", "other")
	s.expect("a.py")
	past := time.Unix(1000000000, 0)
	s.must(os.Chtimes(s.path("a.py"), past, past)) // older counts as well
	s.expect("a.py")
	s.must(os.Remove(s.path("a.py")))
	s.expect("a.py")
	s.expect("")
	s.write("a.py", "back")
	s.expect("a.py")
	s.must(os.Remove(s.path("a.py")))
	s.must(os.Mkdir(s.path("a.py"), 0o755))
	s.expect("a.py")
	s.expect("")
}

// TestWatchSaysOnce shows the log, and that files that changed at once are one change.
func TestWatchSaysOnce(t *testing.T) {
	s := newScene(t, polled, "a.py", "b.py")
	s.write("b.py", "longer than before")
	s.write("a.py", "longer than before")
	s.expect("a.py")
	s.expect("")
	want := []string{
		"monitor (pid=N): Changes are looked for every second, since the system cannot tell of them: no such thing here",
		"monitor (pid=N): Starting change monitor.",
		`monitor (pid=N): Change detected to "DIR/a.py".`,
		"monitor (pid=N): Triggering process restart.",
	}
	if got := strings.Join(s.lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("the log is\n%s", got)
	}
}

// TestWatchList shows what becomes of names that come and go, and of those that are no files.
func TestWatchList(t *testing.T) {
	s := newScene(t, polled, "a.py")
	s.names = append(s.names, "late.py", "archive.zip/x.py", "<string>", ".")
	s.expect("") // none of the new ones exists, as a file
	s.write("late.py", "here now")
	s.expect("")
	s.write("late.py", "and now it has changed")
	s.expect("late.py")

	s.fail = errors.New("Python is busy")
	s.write("a.py", "changed during that")
	s.expect("a.py")
	s.expect("")
	if last := s.lines[len(s.lines)-1]; strings.Count(strings.Join(s.lines, "\n"), "Python is busy") != 1 {
		t.Errorf("that the list failed is not said once; the last line is %s", last)
	}
	s.fail = nil
	s.names = []string{"late.py"}
	s.expect("")
	s.must(os.Remove(s.path("a.py")))
	s.expect("")
}

// TestWatchSource shows that the source of compiled code is what counts, unless there is none.
func TestWatchSource(t *testing.T) {
	s := newScene(t, polled, "a.py", "a.pyc", "alone.pyc")
	s.names = []string{"a.pyc", "alone.pyc"}
	s.expect("")
	s.write("a.pyc", "compiled once more")
	s.expect("")
	s.write("a.py", "changed source")
	s.expect("a.py")
	s.write("alone.pyc", "only this is there")
	s.expect("alone.pyc")
}

// TestWatchPending shows that a change waits for its receiver, and that further ones do not block.
func TestWatchPending(t *testing.T) {
	s := newScene(t, polled, "a.py")
	for _, text := range []string{"1st change", "2nd change of it", "3rd change of that file"} {
		s.write("a.py", text)
		s.look()
	}
	s.expect("a.py")
	s.expect("")
}

// told waits until the kernel has told of something in the directory.
func (s *scene) told(name string) {
	s.t.Helper()
	d := s.directories.known[realPath(s.path(name))]
	if d == nil || d.polled {
		s.t.Fatalf("%s is not watched", name)
	}
	for !d.dirty {
		select {
		case event := <-s.directories.events:
			s.directories.mark(event)
		case err := <-s.directories.errors:
			s.t.Fatal(err)
		}
	}
}

// untilSlowCheck looks until the next look is at all files.
func (s *scene) untilSlowCheck() {
	for s.looks%slowCheck != 0 {
		s.expect("")
	}
}

// newNative is newScene on a system that tells of changes.
func newNative(t *testing.T, names ...string) *scene {
	s := newScene(t, fsnotify.NewWatcher, names...)
	if s.directories.native == nil {
		t.Skip("this system tells of no changes:", s.directories.err)
	}
	return s
}

func TestWatchNative(t *testing.T) {
	s := newNative(t, "a.py", "pkg/b.py")
	s.write("pkg/b.py", "longer than before")
	s.told("pkg")
	s.expect("pkg/b.py")
	s.replace("a.py", "other")
	s.told(".")
	s.expect("a.py")
	s.expect("")
	if len(s.lines) != 5 {
		t.Errorf("the log tells of polling:\n%s", strings.Join(s.lines, "\n"))
	}
}

// TestWatchNativeLink shows a file that is a link into another directory, and a directory that is a link.
func TestWatchNativeLink(t *testing.T) {
	s := newNative(t, "1/a.py", "2/a.py")
	s.must(os.Symlink("1", s.path("current")))
	s.must(os.Mkdir(s.path("links"), 0o755))
	s.must(os.Symlink("../1/a.py", s.path("links/b.py")))
	s.names = []string{"current/a.py", "links/b.py"}
	s.expect("")
	s.write("1/a.py", "longer than before")
	s.told("1")
	s.look()
	if path := <-s.changed; path != s.path("current/a.py") {
		t.Errorf("found a change of %s first", path)
	}
	s.must(os.Remove(s.path("links/b.py")))
	s.must(os.Symlink("../2/a.py", s.path("links/b.py")))
	s.told("links")
	s.expect("links/b.py")
	s.untilSlowCheck()
	s.must(os.Remove(s.path("current")))
	s.must(os.Symlink("2", s.path("current")))
	s.expect("current/a.py")
}

// TestWatchNativeDirectory shows that a directory which was replaced is still looked at.
func TestWatchNativeDirectory(t *testing.T) {
	s := newNative(t, "pkg/b.py")
	s.must(os.Rename(s.path("pkg"), s.path("old")))
	s.told("pkg")
	s.write("pkg/b.py", "the new one")
	s.expect("pkg/b.py")
	s.write("pkg/b.py", "the new one, changed")
	s.expect("pkg/b.py")
}

// TestWatchNativeOverflow shows that everything is looked at when the kernel had to drop what it wanted to tell.
func TestWatchNativeOverflow(t *testing.T) {
	s := newNative(t, "a.py")
	s.directories.events, s.directories.errors = nil, make(chan error)
	clock := make(chan time.Time)
	go s.run(t.Context(), clock)
	s.write("a.py", "nobody hears of this")
	clock <- time.Time{}
	s.directories.errors <- fsnotify.ErrEventOverflow // taken after that look
	select {
	case path := <-s.changed:
		t.Fatalf("a change of %s was found although nobody told of it", path)
	default:
	}
	clock <- time.Time{}
	if path := <-s.changed; path != s.path("a.py") {
		t.Errorf("a change of %s was found", path)
	}
}

// TestWatchAdvice shows what is said when the kernel's limits are reached.
func TestWatchAdvice(t *testing.T) {
	for err, word := range map[error]string{
		unix.ENOSPC: "max_user_watches", unix.EMFILE: "max_user_instances", unix.EACCES: "permission denied",
	} {
		if text := advised(fmt.Errorf("/dir: %w", err)).Error(); !strings.Contains(text, word) {
			t.Errorf("%v becomes %q", err, text)
		}
	}
}

// TestWatchRemote shows what is not remote; a file system of another machine cannot be made here.
func TestWatchRemote(t *testing.T) {
	for _, name := range []string{"/proc", "/no/such/directory"} {
		if isRemote(name) {
			t.Errorf("%s is remote", name)
		}
	}
}

// TestWatch runs the whole, with the clock of the machine.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.py")
	if err := os.WriteFile(path, []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	listed := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changed := Watch(ctx, func() ([]string, error) {
		select {
		case listed <- struct{}{}:
		default:
		}
		return []string{path}, nil
	}, discard{})
	for range 2 { // by the second call the file is known
		<-listed
	}
	if err := os.WriteFile(path, []byte("second time"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := <-changed; got != path {
		t.Errorf("the change is of %s", got)
	}
}

// discard is a log of nothing.
type discard struct{}

func (discard) Enabled(logs.Level) bool { return false }
func (discard) Log(logs.Record)         {}
