package cpython

import (
	_ "embed"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gild/logs"

	"golang.org/x/sys/unix"
)

//go:embed testdata/prelude.py
var testPrelude string

//go:embed testdata/applications.py
var testApplications string

// The applications of the pool that the tests share, by number: the same functions in each interpreter.
const (
	inMain = iota
	inSecond
	broken // its load() raises
	inOwn  // with a GIL of its own; not below Python 3.12
)

const testThreads, testRequests = 4, 24

// Constants of arena.h that cgo would give: test files cannot have it.
const (
	idle         = 1 // GILD_THREAD_IDLE
	slotDone     = 5
	outputOffset = 128<<10 + InputSize
)

// testConfig is what the pool of the tests and those of the stories have in common.
func testConfig() Config {
	c := Config{
		Threads:        testThreads,
		Executable:     os.Getenv("GILD_PYTHON"),
		FreeThreading:  IsFreeThreaded(),
		Prelude:        testPrelude,
		Settings:       testApplications,
		ServerSoftware: "test/1.0",
		LogFD:          -1,
		LogLevel:       int(logs.Debug),
		Interpreters:   []Interpreter{{}, {Name: "second"}},
		Applications: []Application{
			{Interpreter: 0, Spec: "application", Name: "main.wsgi"},
			{Interpreter: 1, Spec: "application", Name: "second.wsgi"},
			{Interpreter: 0, Spec: "broken", Name: "broken.wsgi"},
		},
	}
	if HasOwnGIL() {
		c.Interpreters = append(c.Interpreters, Interpreter{Name: "own", OwnGIL: true})
		c.Applications = append(c.Applications, Application{Interpreter: 2, Spec: "application", Name: "own.wsgi"})
	}
	return c
}

// TestMain is two programs: the tests, and, in a process that story started, the story. CPython can be started once in
// the life of a process, so what needs another Python needs another process.
func TestMain(m *testing.M) {
	if name := os.Getenv("GILD_TEST_STORY"); name != "" {
		story, ok := stories[name]
		if !ok {
			panic("there is no story " + name)
		}
		story()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A journal receives the log frames of a pool.
type journal struct {
	fd [2]int // read here, written by the pool
}

func newJournal() *journal {
	j := new(journal)
	var err error
	if j.fd, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0); err != nil {
		panic(err)
	}
	return j
}

// take returns the messages that came since the last call. A frame is in the socket when the call that sent it has
// returned, so there is nothing to wait for.
func (j *journal) take() []string {
	var messages []string
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(j.fd[0], buffer, unix.MSG_DONTWAIT)
		if err != nil || n == 0 {
			return messages
		}
		frame, err := logs.ParseFrame(buffer[:n])
		if err != nil {
			panic(err)
		}
		messages = append(messages, frame.Record.Message)
	}
}

var testJournal = newJournal()

// both is a front and the Python behind it, in one process.
type both struct {
	*Pool
	*Python
}

// startBoth starts a Python and the front for it.
func startBoth(c Config) (*both, error) {
	lanes, count := Lanes(c.Interpreters, c.Applications)
	a, err := NewArena(Geometry{Requests: testRequests, Lanes: count, Processes: 1, Threads: c.Threads})
	if err != nil {
		return nil, err
	}
	p, err := Start(a, 0, c)
	if err != nil {
		return nil, err
	}
	pool := NewPool(a, PoolConfig{Lanes: lanes, Capacity: c.Threads})
	pool.Process(0, os.Getpid(), Ready)
	return &both{pool, p}, nil
}

// Stop ends both.
func (b *both) Stop() {
	b.Python.Stop()
	b.Pool.Close()
}

// python is the pool that the tests share.
var python = sync.OnceValue(func() *both {
	c := testConfig()
	c.LogFD = testJournal.fd[1]
	p, err := startBoth(c)
	if err != nil {
		panic(err)
	}
	return p
})

// A response is what came of a request.
type response struct {
	status  int
	reason  string
	headers []Header
	body    string
	begun   bool
	end     End
	file    *os.File
	size    int64
}

// environ is keys and values, one after the other.
type environ []string

// begin returns a request for a function of applications.py, with all of its environ.
func begin(tb testing.TB, p *both, function string, more environ) *Request {
	tb.Helper()
	r, err := p.Acquire(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	r.Add("PATH_INFO", function)
	for i := 0; i+1 < len(more); i += 2 {
		r.Add(more[i], more[i+1])
	}
	return r
}

func submit(tb testing.TB, r *Request, application int) {
	tb.Helper()
	if err := r.Submit(tb.Context(), application, 0, time.Now(), nil); err != nil {
		tb.Fatal(err)
	}
}

// get makes a request without a body and returns the whole response.
func get(tb testing.TB, application int, function string, more ...string) response {
	tb.Helper()
	r := begin(tb, python(), function, more)
	r.EndInput(Complete)
	submit(tb, r, application)
	answer := read(tb, r, 1<<20)
	r.Release()
	return answer
}

// read takes the response, at most piece bytes at a time, until the end.
func read(tb testing.TB, r *Request, piece int) response {
	tb.Helper()
	var a response
	var body strings.Builder
	for {
		done := r.Done()
		readHead(tb, r, &a)
		for a.begun && readPiece(tb, r, piece, &body) {
		}
		if done {
			break
		}
		r.Wait()
	}
	a.body, a.end = body.String(), r.End()
	readFile(tb, r, &a)
	return a
}

func readHead(tb testing.TB, r *Request, a *response) {
	tb.Helper()
	if a.begun {
		return
	}
	head, err := r.Head()
	if err != nil {
		tb.Fatal(err)
	}
	if head != nil {
		a.begun, a.status, a.reason = true, head.Status, head.Reason
		a.headers = append(a.headers, head.Headers...)
	}
}

func readPiece(tb testing.TB, r *Request, size int, to *strings.Builder) bool {
	tb.Helper()
	b, err := r.Output()
	if err != nil {
		tb.Fatal(err)
	}
	n, _ := to.Write(b[:min(len(b), size)])
	r.Advance(n)
	return n > 0
}

// readFile appends the file that follows the body.
func readFile(tb testing.TB, r *Request, a *response) {
	tb.Helper()
	f, size, err := r.File()
	if err != nil {
		tb.Fatal(err)
	}
	if f != nil {
		a.file, a.size = f, size
		tb.Cleanup(func() { f.Close() })
	}
}

// pattern is the bytes that applications.py calls by this name.
func pattern(size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return string(b)
}

func (a *response) String() string {
	return fmt.Sprintf("%d %q, body %.200q, end %d", a.status, a.reason, a.body, a.end)
}
