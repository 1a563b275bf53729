package cpython

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filesTest is a front and a process that sends it files.
type filesTest struct {
	*testing.T
	front     *Pool
	fake      *fake
	mu        sync.Mutex
	mistrusts []string
}

func newFilesTest(t *testing.T) *filesTest {
	f := &filesTest{T: t}
	made, open := sharedArena(t, Geometry{Requests: 4, Lanes: 1, Processes: 1, Threads: 1})
	f.fake = &fake{Arena: open(made.DaemonFiles())}
	f.fake.start()
	f.front = NewPool(open(made.FrontFiles()), PoolConfig{Lanes: []int{0}, Capacity: 4, Distrust: func(_, _ int, reason string) {
		f.mu.Lock()
		f.mistrusts = append(f.mistrusts, reason)
		f.mu.Unlock()
	}})
	f.front.Process(0, 7, Ready)
	t.Cleanup(f.front.Close)
	return f
}

// text is a file with that text.
func (f *filesTest) text(text string) *os.File {
	f.Helper()
	name := filepath.Join(f.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { file.Close() })
	return file
}

// request returns a request that the process has claimed.
func (f *filesTest) request() *Request {
	f.Helper()
	r, err := f.front.Acquire(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	r.EndInput(Complete)
	submit(f, r, 0)
	if n := f.fake.next(0); n != r.number || !f.fake.claim(n) {
		f.Fatalf("slot %d came instead of %d", n, r.number)
	}
	return r
}

// finish ends a request whose response is what was sent, or so it says.
func (f *filesTest) finish(r *Request, offset, length int64) {
	s := f.fake.slot(r.number)
	atomic.StoreInt64(sign(&s.file_offset), offset)
	atomic.StoreInt64(sign(&s.file_length), length)
	s.file = fileSent
	f.fake.end(r.number, Complete)
	for !r.Done() {
		r.Wait()
	}
}

// content is what File returns, or the error.
func (f *filesTest) content(r *Request) string {
	f.Helper()
	file, length, err := r.File()
	if err != nil {
		return "error"
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, length))
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

// descriptors counts those of the process that are on a regular file: what a test may leave open.
func descriptors(tb testing.TB) int {
	tb.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if info, err := os.Stat("/proc/self/fd/" + name.Name()); err == nil && info.Mode().IsRegular() {
			n++
		}
	}
	return n
}

// TestFilesReachTheirRequests: two requests end in the other order than their files come.
func TestFilesReachTheirRequests(t *testing.T) {
	f := newFilesTest(t)
	a, b := f.request(), f.request()
	f.fake.sendFile(t, uint32(a.number), a.serial, f.text("first file"))
	f.fake.sendFile(t, uint32(b.number), b.serial, f.text("second file"))
	f.finish(b, 7, 4)
	f.finish(a, 0, 5)
	if got := f.content(b); got != "file" {
		t.Errorf("the second request got %q", got)
	}
	if got := f.content(a); got != "first" {
		t.Errorf("the first request got %q", got)
	}
	a.Release()
	b.Release()
	if len(f.mistrusts) != 0 {
		t.Error(f.mistrusts)
	}
}

// TestFilesAreClosed: whatever comes, nothing stays open.
func TestFilesAreClosed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for name, send := range map[string]func(f *filesTest, r *Request, file *os.File){
		"released without being taken":   func(f *filesTest, r *Request, file *os.File) { f.fake.sendFile(f, uint32(r.number), r.serial, file) },
		"of the request before this one": func(f *filesTest, r *Request, file *os.File) { f.fake.sendFile(f, uint32(r.number), r.serial-1, file) },
		"for no slot":                    func(f *filesTest, _ *Request, file *os.File) { f.fake.sendFile(f, 4, 0, file) },
		"for a slot that is free":        func(f *filesTest, _ *Request, file *os.File) { f.fake.sendFile(f, 3, 99, file) },
		"two at once": func(f *filesTest, r *Request, file *os.File) {
			f.fake.sendFile(f, uint32(r.number), r.serial, file, file)
		},
		"three at once": func(f *filesTest, r *Request, file *os.File) {
			f.fake.sendFile(f, uint32(r.number), r.serial, file, file, file)
		},
		"twice": func(f *filesTest, r *Request, file *os.File) {
			f.fake.sendFile(f, uint32(r.number), r.serial, file)
			f.fake.sendFile(f, uint32(r.number), r.serial, file)
		},
		"with half of a message": func(f *filesTest, _ *Request, file *os.File) {
			f.fake.sendMessage(f, []byte("half"), unix.UnixRights(int(descriptor(file))))
		},
		"none":   func(*filesTest, *Request, *os.File) {},
		"a pipe": func(f *filesTest, q *Request, _ *os.File) { f.fake.sendFile(f, uint32(q.number), q.serial, r) },
		"no file": func(f *filesTest, r *Request, _ *os.File) {
			f.fake.sendMessage(f, unsafe.Slice((*byte)(unsafe.Pointer(&[2]uint32{uint32(r.number), r.serial})), 8), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilesTest(t)
			file := f.text("text")
			before := descriptors(t)
			r := f.request()
			send(f, r, file)
			f.finish(r, 0, 4)
			r.Release()
			next := f.request() // and what is left for the next one
			f.fake.sendFile(t, uint32(next.number), next.serial, file)
			f.finish(next, 0, 4)
			if got := f.content(next); got != "text" && got != "error" {
				t.Errorf("the next request got %q", got)
			}
			next.Release()
			if n := descriptors(t); n != before {
				t.Errorf("%d files were open before, %d are now", before, n)
			}
		})
	}
}

// TestFileIsNotThere: a process that says it sent a file and did not, or that there is nonsense of it, is reported.
func TestFileIsNotThere(t *testing.T) {
	for name, file := range map[string][3]int64{
		"not sent":        {fileSent, 0, 4},
		"a number":        {1, 0, 4},
		"negative":        {-3, 0, 4},
		"negative offset": {fileSent, -1, 4},
		"negative length": {fileSent, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilesTest(t)
			r := f.request()
			if file[1] < 0 || file[2] < 0 {
				f.fake.sendFile(t, uint32(r.number), r.serial, f.text("text"))
			}
			before := descriptors(t)
			f.finish(r, file[1], file[2])
			*(*int32)(unsafe.Pointer(&f.fake.slot(r.number).file)) = int32(file[0])
			if got := f.content(r); got != "error" || len(f.mistrusts) == 0 {
				t.Errorf("it got %q; mistrusted for %v", got, f.mistrusts)
			}
			r.Release()
			if n := descriptors(t); n != before {
				t.Errorf("%d files were open before, %d are now", before, n)
			}
		})
	}
}

// TestFilesOfAnotherFront: what was sent to the front before this one reaches nobody.
func TestFilesOfAnotherFront(t *testing.T) {
	made, open := sharedArena(t, Geometry{Requests: 1, Lanes: 1, Processes: 1, Threads: 1})
	f := &filesTest{T: t, fake: &fake{Arena: open(made.DaemonFiles())}}
	f.fake.start()
	start := func() {
		f.front = NewPool(open(made.FrontFiles()), PoolConfig{Lanes: []int{0}, Capacity: 1})
		f.front.Process(0, 7, Ready)
	}
	start()
	old := f.request()
	f.fake.sendFile(t, uint32(old.number), old.serial, f.text("of another"))
	f.finish(old, 0, 5)
	f.front.Close()
	start()
	defer f.front.Close()
	r := f.request()
	f.fake.sendFile(t, uint32(r.number), uint32(f.fake.slot(r.number).serial), f.text("its own"))
	f.finish(r, 0, 7)
	if got := f.content(r); got != "its own" {
		t.Errorf("the request got %q", got)
	}
	r.Release()
}

// TestOpenArena: a process that was built otherwise, or is given something else, does not use it.
func TestOpenArena(t *testing.T) {
	g := Geometry{Requests: 4, Lanes: 1, Processes: 1, Threads: 1}
	made, _ := sharedArena(t, g)
	other := g
	other.Requests = 5
	if _, err := OpenArena(other, made.FrontFiles()); err == nil {
		t.Error("an arena of another size was accepted")
	}
	if err := unix.Ftruncate(int(descriptor(made.memfd)), 0); err == nil {
		t.Error("the arena can be made smaller")
	}
	if info, err := made.memfd.Stat(); err != nil || info.Size() == 0 {
		t.Error(info, err)
	}
}
