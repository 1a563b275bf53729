package cpython

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func init() { stories["daemon"] = storyDaemon }

// readyFD is a pipe to the test, after the files of the arena.
const readyFD = 3 + FilesPerArena

var daemonGeometry = Geometry{Requests: 8, Lanes: 1, Processes: 2, Threads: 2}

// storyDaemon is a process that runs Python, as one process of a group does. It is told what to do on its standard input
// and answers each line with one.
func storyDaemon() {
	var files []*os.File
	for i := range FilesPerArena {
		files = append(files, os.NewFile(uintptr(3+i), "arena"))
	}
	a, err := OpenArena(daemonGeometry, files)
	exitOn(err)
	c := testConfig()
	mainOnly(&c)
	c.Threads, c.ProcessGroup, c.MaximumProcesses = daemonGeometry.Threads, "group", daemonGeometry.Processes
	c.MaximumRequests, _ = strconv.Atoi(os.Getenv("GILD_TEST_REQUESTS"))
	record, err := strconv.Atoi(os.Getenv("GILD_TEST_RECORD"))
	exitOn(err)
	p, err := Start(a, record, c)
	exitOn(err)
	fmt.Println("started")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(obey(p, strings.Fields(lines.Text())))
	}
	p.Stop()
}

func exitOn(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// obey does what the test says.
func obey(p *Python, words []string) string {
	switch words[0] {
	case "close":
		p.Close()
	case "reopen":
		p.Reopen()
	case "ask":
		said, err := p.Ask(words[1], words[2], time.Minute)
		return fmt.Sprint(said, err)
	case "ask-briefly":
		_, err := p.Ask(words[1], words[2], time.Millisecond)
		return fmt.Sprint(err)
	case "interrupt":
		for i, thread := range p.Threads() {
			if thread.Busy {
				p.Interrupt(i, thread.Serial)
				return thread.Request
			}
		}
		return "nobody is busy"
	case "attention":
		return <-p.Attention()
	case "requests": // waits until so many are over
		for all, activity := p.Requests(); fmt.Sprint(all, activity) != words[1]+" "+words[1]; all, activity = p.Requests() {
			time.Sleep(time.Millisecond)
		}
	case "gil": // waits until it was obtained lately, or not for longer than the watch sleeps
		for (p.GILAge() > 1500*time.Millisecond) != (words[1] == "held") {
			time.Sleep(time.Millisecond)
		}
	}
	return "done"
}

// A daemon is such a process, as its parent sees it.
type daemon struct {
	*testing.T
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	record  int
	ready   *os.File // what it writes to readyFD
	gone    sync.Once
	said    bytes.Buffer // on its standard error
}

// group is a front and the daemons behind it. The front is known as one half of both, for the helpers of the tests.
type group struct {
	*both
	made *Arena
}

func newGroup(t *testing.T, daemons int, c PoolConfig) (*group, []*daemon) {
	t.Helper()
	made, open := sharedArena(t, daemonGeometry)
	c.Lanes, c.Capacity = []int{0}, daemonGeometry.Requests
	g := &group{both: &both{Pool: NewPool(open(made.FrontFiles()), c)}, made: made}
	t.Cleanup(g.Pool.Close)
	var all []*daemon
	for i := range daemons {
		all = append(all, g.start(t, i))
	}
	for _, d := range all {
		d.heard("started")
		_ = until(func() bool { return g.Pool.arena.isIdle(d.record) }) // its threads are there
		g.Process(d.record, d.command.Process.Pid, Ready)
	}
	return g, all
}

// start starts a daemon; its first line says whether it could.
func (g *group) start(t *testing.T, record int, environment ...string) *daemon {
	t.Helper()
	d := &daemon{T: t, command: exec.Command(os.Args[0]), record: record}
	d.command.Env = append(append(os.Environ(), "GILD_TEST_STORY=daemon", fmt.Sprint("GILD_TEST_RECORD=", record)), environment...)
	ready, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	t.Cleanup(func() { ready.Close() })
	d.ready = ready
	d.command.ExtraFiles, d.command.Stderr = append(g.made.DaemonFiles(), writer), &d.said
	out, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if d.in, err = d.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	g.Process(record, 0, Starting)
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	d.out = bufio.NewScanner(out)
	t.Cleanup(d.stop)
	return d
}

// heard reads a line, which is to be that.
func (d *daemon) heard(want string) {
	d.Helper()
	if !d.out.Scan() || d.out.Text() != want {
		d.Fatalf("it said %q, not %q", d.out.Text(), want)
	}
}

// tell has the daemon do something, and expects that answer.
func (d *daemon) tell(what, want string) {
	d.Helper()
	if _, err := fmt.Fprintln(d.in, what); err != nil {
		d.Fatal(err)
	}
	d.heard(want)
}

// stop ends the daemon, by itself, and fails if it does not end well.
func (d *daemon) stop() {
	d.gone.Do(func() {
		d.in.Close()
		if d.Failed() { // a request may still be there that nobody will end
			_ = d.command.Process.Kill()
		}
		if err := d.command.Wait(); err != nil {
			d.Error(err, d.said.String())
		}
	})
}

// kill ends the daemon, as a crash does, and tells the front when it is gone.
func (d *daemon) kill(g *group, how syscall.Signal) {
	d.gone.Do(func() {
		_ = d.command.Process.Signal(how)
		_ = d.command.Wait()
	})
	g.Process(d.record, d.command.Process.Pid, Dead)
}

// ask makes a request of one of the daemons.
func (g *group) ask(t *testing.T, function string, more ...string) *Request {
	t.Helper()
	r := begin(t, g.both, function, more)
	r.EndInput(Complete)
	submit(t, r, 0)
	return r
}

// answer reads the response; the verdict comes first.
func (g *group) answer(t *testing.T, r *Request) string {
	t.Helper()
	a := read(t, r, 1<<20)
	defer r.Release()
	return fmt.Sprint(r.Verdict(), " ", a.status, " ", a.body)
}

func slotState(r *Request) uint32 { return atomic.LoadUint32(word(&r.slot.state)) }

// claimant is the process that has a request.
func claimant(r *Request) int { return int(atomic.LoadUint32(word(&r.slot.process))) }

// untilServed returns when somebody has the request.
func untilServed(r *Request) {
	for slotState(r) < slotClaimed {
		runtime.Gosched()
	}
}

// TestDaemon: what goes through the memory of two processes.
func TestDaemon(t *testing.T) {
	g, daemons := newGroup(t, 1, PoolConfig{})
	if got := g.answer(t, g.ask(t, "hello")); got != "0 200 hello" {
		t.Error(got)
	}
	t.Run("body", func(t *testing.T) { daemonEchoes(t, g) })
	t.Run("file", func(t *testing.T) { daemonSendsFile(t, g) })
	daemons[0].tell("requests 22", "done")
	daemons[0].tell("ask louder hello", "HELLO<nil>")
	daemons[0].tell("ask no_such_function x", "<nil>")
	if s := g.Status(); len(s.Processes) != 1 || s.Processes[0].PID != daemons[0].command.Process.Pid || s.Processes[0].Requests != 22 || len(s.Processes[0].Threads) != 2 {
		t.Errorf("the status is %+v", s)
	}
}

// daemonEchoes sends more than the windows hold, both ways at once.
func daemonEchoes(t *testing.T, g *group) {
	text := pattern(2_000_000)
	r := begin(t, g.both, "echo", environ{"SIZE", "70000"})
	r.SetBodyLength(int64(len(text)))
	submit(t, r, 0)
	var sender sync.WaitGroup
	sender.Go(func() {
		rest := text
		for rest != "" && r.WaitInput(false) {
			n := copy(r.Input(), rest)
			rest = rest[n:]
			r.CommitInput(n)
		}
		r.EndInput(Complete)
	})
	a := read(t, r, 50_000)
	sender.Wait()
	if a.body != text || a.end != Complete {
		t.Errorf("%d bytes came back of %d, end %d", len(a.body), len(text), a.end)
	}
	r.Release()
}

// daemonSendsFile: twenty files, one after the other, none of which stays open.
func daemonSendsFile(t *testing.T, g *group) {
	before := descriptors(t)
	for range 20 {
		r := g.ask(t, "file", "SIZE", "1000", "OFFSET", "100")
		for !r.Done() {
			r.Wait()
		}
		f, size, err := r.File()
		if err != nil || f == nil {
			t.Fatal(f, err)
		}
		text, err := io.ReadAll(f)
		if string(text) != pattern(1000)[100:] || size != 900 || err != nil {
			t.Errorf("%d of %d bytes, %v", len(text), size, err)
		}
		f.Close()
		r.Release()
	}
	if n := descriptors(t); n != before {
		t.Errorf("%d files were open before, %d are now", before, n)
	}
}

// occupy has every thread of the daemons wait in a request, and returns these by process.
func (g *group) occupy(t *testing.T, daemons int) [][]*Request {
	t.Helper()
	of := make([][]*Request, daemons)
	for range daemons * daemonGeometry.Threads {
		r := g.ask(t, "wait_for_event", "EVENT", "never")
		untilServed(r)
		of[claimant(r)] = append(of[claimant(r)], r)
	}
	return of
}

// lost reads the responses of requests whose process is dead.
func (g *group) lost(t *testing.T, requests []*Request) {
	t.Helper()
	for _, r := range requests {
		if got := g.answer(t, r); got != "502 0 " {
			t.Error(got)
		}
	}
}

// TestDaemonsShareARing: requests that block are served by all threads of both processes at once.
func TestDaemonsShareARing(t *testing.T) {
	g, daemons := newGroup(t, 2, PoolConfig{})
	requests := g.occupy(t, 2)
	for i, d := range daemons {
		if len(requests[i]) != daemonGeometry.Threads {
			t.Errorf("process %d serves %d requests", i, len(requests[i]))
		}
		d.kill(g, syscall.SIGKILL)
		g.lost(t, requests[i])
	}
}

// TestDaemonsDie: what the process had is lost, and nothing else; what waits is served by the one that takes its place.
func TestDaemonsDie(t *testing.T) {
	g, daemons := newGroup(t, 2, PoolConfig{})
	requests := g.occupy(t, 2)
	waiting := g.ask(t, "hello")
	daemons[0].kill(g, syscall.SIGKILL)
	g.lost(t, requests[0])
	for _, r := range append(requests[1], waiting) {
		if r.Done() {
			t.Errorf("%+v is done", r.Verdict())
		}
	}
	again := g.start(t, 0)
	again.heard("started")
	g.Process(0, again.command.Process.Pid, Ready)
	if got := g.answer(t, waiting); got != "0 200 hello" {
		t.Error(got)
	}
	daemons[1].kill(g, syscall.SIGKILL)
	g.lost(t, requests[1])
	_ = until(func() bool { n, _ := g.free.counts(); return n == daemonGeometry.Requests })
}

// TestDaemonCrashes: a real segmentation fault.
func TestDaemonCrashes(t *testing.T) {
	g, daemons := newGroup(t, 1, PoolConfig{})
	r := g.ask(t, "crash", "QUERY_STRING", "")
	daemons[0].kill(g, 0) // it is gone by itself
	g.lost(t, []*Request{r})
	if status := daemons[0].command.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGSEGV {
		t.Error(daemons[0].command.ProcessState)
	}
}

// TestDaemonDiesWhileItAnswers: the client has got what was there.
func TestDaemonDiesWhileItAnswers(t *testing.T) {
	g, daemons := newGroup(t, 1, PoolConfig{})
	r := g.ask(t, "step")
	var a response
	var body strings.Builder
	for body.Len() < len("one") {
		r.Wait()
		readHead(t, r, &a)
		for a.begun && readPiece(t, r, 100, &body) {
		}
	}
	daemons[0].kill(g, syscall.SIGKILL)
	for !r.Done() {
		r.Wait()
	}
	if r.Verdict() != 502 || body.String() != "one" || r.End() != Open {
		t.Errorf("verdict %d, body %q, end %d", r.Verdict(), body.String(), r.End())
	}
	r.Release()
}

// TestDaemonCloses: it takes no more requests, but finishes what it has, and can be opened again.
func TestDaemonCloses(t *testing.T) {
	g, daemons := newGroup(t, 1, PoolConfig{})
	before := g.ask(t, "step")
	untilServed(before)
	daemons[0].tell("close", "done")
	after := g.ask(t, "set_event", "EVENT", "step one")
	time.Sleep(10 * time.Millisecond) // it could be served now; whether it was is asked below
	if before.Done() || slotState(after) != slotQueued {
		t.Error("a closed process has taken a request")
	}
	daemons[0].tell("reopen", "done")
	if got := g.answer(t, after); got != "0 200 " {
		t.Error(got)
	}
	if got := g.answer(t, g.ask(t, "set_event", "EVENT", "step two")); got != "0 200 " {
		t.Error(got)
	}
	if got := g.answer(t, before); got != "0 200 onetwothree" {
		t.Error(got)
	}
}

// TestDaemonIsInterrupted: one request, and not the process.
func TestDaemonIsInterrupted(t *testing.T) {
	g, daemons := newGroup(t, 1, PoolConfig{})
	r := g.ask(t, "never_ends", "REQUEST_METHOD", "GET", "REQUEST_URI", "/never", "READY", strconv.Itoa(readyFD))
	if _, err := daemons[0].ready.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	daemons[0].tell("interrupt", "never_ends GET")
	if got := g.answer(t, r); got != "504 0 " {
		t.Error(got)
	}
	if got := g.answer(t, g.ask(t, "hello")); got != "0 200 hello" {
		t.Error(got)
	}
}

// TestGILAge: it grows while a request holds the GIL in C; nothing else can be asked meanwhile.
func TestGILAge(t *testing.T) {
	if IsFreeThreaded() {
		t.Skip("there is no GIL to hold")
	}
	g, daemons := newGroup(t, 1, PoolConfig{})
	daemons[0].tell("gil free", "done")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := g.ask(t, "hold_gil_in_c", "FIFO", fifo)
	release, err := os.OpenFile(fifo, os.O_WRONLY, 0) // returns when the application has opened it
	if err != nil {
		t.Fatal(err)
	}
	daemons[0].tell("gil held", "done")
	daemons[0].tell("ask-briefly louder x", ErrNoGIL.Error())
	release.Close()
	daemons[0].tell("gil free", "done")
	if got := g.answer(t, r); got != "0 200 held" {
		t.Error(got)
	}
}

// TestMaximumRequests: the process says that it wants to be replaced, and goes on.
func TestMaximumRequests(t *testing.T) {
	g, _ := newGroup(t, 0, PoolConfig{})
	d := g.start(t, 0, "GILD_TEST_REQUESTS=3")
	d.heard("started")
	g.Process(0, d.command.Process.Pid, Ready)
	for range 5 {
		if got := g.answer(t, g.ask(t, "hello")); got != "0 200 hello" {
			t.Error(got)
		}
	}
	d.tell("attention", MaximumRequests)
	d.tell("requests 5", "done")
}
