package mpm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gild/logs"
)

// The tests of this file run real processes: the test binary is executed again as a supervisor, whose workers are the test
// binary once more. A worker calls the test over TCP and says what it is; the connection lives as long as the worker, so
// that its end needs no polling.

const roleVariable = "MPM_TEST_ROLE"

// part is what a supervisor of these tests is told on its standard input, and passes on to its workers as configuration.
type part struct {
	Home     string // address of the test, which workers call
	Workers  int
	Timeout  time.Duration
	PidFile  string
	Behave   string // "serve", "hang": ignores stop; or the path of a file with "ready" or the text of a failure
	Exec     string // what to execute as a worker, if not the test binary
	UserID   uint32 // user of the workers, 0 = the supervisor's
	ErrorLog string
}

// supervisorMain is the supervisor role: main, in miniature.
func supervisorMain() {
	var p part
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		die(err)
	}
	config, _ := json.Marshal(p)
	writer, err := logs.OpenWriter(logs.Options{ErrorLog: p.ErrorLog, Level: logs.Debug})
	if err != nil {
		die(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		die(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		die(err)
	}
	_ = listener.Close()
	o := Options{Executable: p.Exec, Args: []string{"worker-of-test", "worker"}, Env: append(os.Environ(), roleVariable+"=worker"),
		Config: config, Listeners: []*os.File{file}, Workers: p.Workers, ShutdownTimeout: p.Timeout, PidFile: p.PidFile,
		Log: writer, ServeLog: writer.Serve, Reopen: writer.Reopen, Stderr: os.Stderr}
	if p.UserID != 0 {
		o.Credential = &syscall.Credential{Uid: p.UserID, Gid: p.UserID}
	}
	s, err := New(o)
	if err == nil {
		err = s.Run()
	}
	if err != nil {
		die(err)
	}
}

// die ends a process of the tests.
func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// workerMain is the worker role.
func workerMain() {
	parent, err := Inherit()
	if err != nil {
		die(err)
	}
	var p part
	if err := json.Unmarshal(parent.Config, &p); err != nil {
		die(err)
	}
	log := logs.NewClient(parent.LogFD, logs.Debug)
	logs.Printf(log, logs.Info, "core", "worker says hello")
	if err := report(parent, p.Behave); err != nil {
		die(err)
	}
	home, err := net.Dial("tcp", p.Home)
	if err != nil {
		die(err)
	}
	_ = json.NewEncoder(home).Encode(self(parent))
	go obey(home)
	<-parent.Stop
	if p.Behave == "hang" {
		select {}
	}
	fmt.Fprint(home, "stopped\n")
}

// report tells the supervisor how loading went.
func report(parent *Parent, behave string) error {
	if !filepath.IsAbs(behave) {
		return parent.Ready()
	}
	text, err := os.ReadFile(behave)
	if err != nil || string(text) != "ready" {
		return errors.Join(err, parent.Failed(string(text)))
	}
	return parent.Ready()
}

// person is what a worker tells of itself.
type person struct {
	PID, Parent, Group, User int
	Name                     string   // argv[0]
	Listener                 string   // address of the inherited socket
	Leaks                    []string // what a program that the worker executes would inherit beyond 0, 1 and 2
}

// self describes the worker.
func self(parent *Parent) person {
	p := person{PID: os.Getpid(), Parent: os.Getppid(), Group: syscall.Getpgrp(), User: os.Getuid(), Name: os.Args[0]}
	for _, f := range parent.Listeners {
		l, err := net.FileListener(f)
		if err != nil {
			die(err)
		}
		p.Listener = l.Addr().String()
	}
	for fd := 3; fd < 64; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			p.Leaks = append(p.Leaks, strconv.Itoa(fd))
		}
	}
	return p
}

// obey does what the test says over the connection.
func obey(home net.Conn) {
	for lines := bufio.NewScanner(home); lines.Scan(); {
		switch verb, text, _ := strings.Cut(lines.Text(), " "); verb {
		case "die":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "segv":
			signal.Reset(syscall.SIGSEGV)
			_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		case "print":
			fmt.Fprint(os.Stderr, text)
		}
	}
}

// play is one run of a supervisor.
type play struct {
	t    *testing.T
	part part
	cmd  *exec.Cmd
	home net.Listener
	out  output
}

// output is the standard error of the supervisor, with the log.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// newPlay starts a supervisor.
func newPlay(t *testing.T, p part) *play {
	t.Helper()
	home, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Home = home.Addr().String()
	if p.Behave == "" {
		p.Behave = "serve"
	}
	input, _ := json.Marshal(p)
	y := &play{t: t, part: p, home: home}
	y.cmd = exec.Command("/proc/self/exe")
	y.cmd.Env = append(os.Environ(), roleVariable+"=supervisor")
	y.cmd.Stdin, y.cmd.Stderr = bytes.NewReader(input), &y.out
	if err := y.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = y.cmd.Process.Kill()
		_ = y.cmd.Wait()
		_ = home.Close()
		if t.Failed() {
			t.Log(y.out.String())
		}
	})
	return y
}

// actor is a worker that has called.
type actor struct {
	person
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// next waits for the next worker to call.
func (y *play) next() *actor {
	y.t.Helper()
	_ = y.home.(*net.TCPListener).SetDeadline(time.Now().Add(patience)) // only so that a bug fails instead of hanging
	conn, err := y.home.Accept()
	if err != nil {
		y.t.Fatal(err)
	}
	a := &actor{t: y.t, conn: conn, in: bufio.NewReader(conn)}
	line, err := a.in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a.person)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { _ = conn.Close() })
	return a
}

// do has the worker do something.
func (a *actor) do(verb string) { fmt.Fprintln(a.conn, verb) }

// end waits for the worker's end and returns what it said last.
func (a *actor) end() string {
	rest, err := io.ReadAll(a.in)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		a.t.Error(err)
	}
	return string(rest)
}

// signal sends a signal to the supervisor.
func (y *play) signal(sig os.Signal) {
	y.t.Helper()
	if err := y.cmd.Process.Signal(sig); err != nil {
		y.t.Fatal(err)
	}
}

// status waits for the supervisor's end and returns its exit status.
func (y *play) status() int {
	_ = y.cmd.Wait()
	return y.cmd.ProcessState.ExitCode()
}

// saw checks that the supervisor, which has ended, said something.
func (y *play) saw(texts ...string) {
	y.t.Helper()
	for _, text := range texts {
		if !strings.Contains(y.out.String(), text) {
			y.t.Errorf("nothing on standard error has %q", text)
		}
	}
}

const patience = time.Minute // longer than any test

func TestProcessTerminate(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(pidFile, []byte("\x00garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	y := newPlay(t, part{Workers: 2, Timeout: patience, PidFile: pidFile})
	one, two := y.next(), y.next()
	if text, _ := os.ReadFile(pidFile); strings.TrimSpace(string(text)) != strconv.Itoa(y.cmd.Process.Pid) {
		t.Errorf("pid file %q, supervisor %d", text, y.cmd.Process.Pid)
	}
	for _, a := range []*actor{one, two} {
		if a.Parent != y.cmd.Process.Pid || a.Group != a.PID || a.Name != "worker-of-test" || len(a.Leaks) > 0 {
			t.Errorf("%+v", a.person)
		}
	}
	if one.Listener != two.Listener || one.Listener == "" {
		t.Errorf("listeners %q and %q", one.Listener, two.Listener)
	}
	y.signal(syscall.SIGTERM)
	if one.end() != "stopped\n" || two.end() != "stopped\n" {
		t.Error("the workers were not told to stop")
	}
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("the pid file is still there")
	}
	y.saw("Overwriting the pid file", "caught SIGTERM, shutting down", "[core:info] [pid "+strconv.Itoa(two.PID)+":", "worker says hello",
		"terminated normally, exit code 0")
}

// No worker outlives its supervisor, not even one that does not listen.
func TestProcessSupervisorKilled(t *testing.T) {
	for _, behave := range []string{"serve", "hang"} {
		y := newPlay(t, part{Workers: 2, Timeout: patience, Behave: behave})
		one, two := y.next(), y.next()
		y.signal(syscall.SIGKILL)
		one.end()
		two.end()
	}
}

func TestProcessCrash(t *testing.T) {
	y := newPlay(t, part{Workers: 1, Timeout: patience})
	first := y.next()
	first.do("die")
	first.end()
	second := y.next()
	if first.PID == second.PID {
		t.Errorf("pid %d twice", first.PID)
	}
	second.do("segv")
	second.end()
	third := y.next()
	y.signal(syscall.SIGINT)
	third.end()
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw(fmt.Sprintf("Process 'gild' (pid=%d) terminated by signal 9 (SIGKILL).", first.PID),
		fmt.Sprintf("Process 'gild' (pid=%d) has died; deregistering and restarting it.", second.PID))
}

func TestProcessHungWorkerIsKilled(t *testing.T) {
	y := newPlay(t, part{Workers: 1, Timeout: time.Millisecond, Behave: "hang"})
	a := y.next()
	y.signal(syscall.SIGTERM)
	a.end()
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw("Shutdown timeout expired; aborting process 'gild'", "terminated by signal 9 (SIGKILL)")
}

func TestProcessSecondSignalKills(t *testing.T) {
	y := newPlay(t, part{Workers: 1, Timeout: patience, Behave: "hang"})
	a := y.next()
	y.signal(syscall.SIGTERM)
	y.signal(syscall.SIGINT)
	a.end()
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw("again; killing what still runs")
}

// A worker that could not load its application gives way to one that could.
func TestProcessFailedThenReady(t *testing.T) {
	application := filepath.Join(t.TempDir(), "application")
	write := func(text string) {
		if err := os.WriteFile(application, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Traceback (most recent call last):\nImportError: no x")
	y := newPlay(t, part{Workers: 1, Timeout: patience, Behave: application})
	broken := y.next()
	write("ready")
	mended := y.next()
	if got := broken.end(); got != "stopped\n" {
		t.Errorf("the failed worker said %q last", got)
	}
	y.signal(syscall.SIGTERM)
	mended.end()
	y.status()
	y.saw("could not load its application: ImportError: no x", "gild: the application could not be loaded", "Traceback (most recent")
}

// HUP replaces both workers, in turn, and reopens the log.
func TestProcessRoll(t *testing.T) {
	errorLog := filepath.Join(t.TempDir(), "error_log")
	y := newPlay(t, part{Workers: 2, Timeout: patience, ErrorLog: errorLog})
	old := []*actor{y.next(), y.next()}
	if err := os.Rename(errorLog, errorLog+".1"); err != nil {
		t.Fatal(err)
	}
	y.signal(syscall.SIGHUP)
	fresh := []*actor{y.next(), y.next()}
	for _, a := range old {
		if a.end() != "stopped\n" {
			t.Errorf("worker %d was not told to stop", a.PID)
		}
		if slices.ContainsFunc(fresh, func(f *actor) bool { return f.PID == a.PID }) {
			t.Errorf("worker %d is still there", a.PID)
		}
	}
	y.signal(syscall.SIGTERM)
	for _, a := range fresh {
		a.end()
	}
	y.status()
	if text, err := os.ReadFile(errorLog); err != nil || !strings.Contains(string(text), "SIGHUP received") {
		t.Errorf("the new log has %q, %v", text, err)
	}
}

// What is written to descriptors 1 and 2 becomes records, the unfinished line and the endless one too.
func TestProcessOutput(t *testing.T) {
	y := newPlay(t, part{Workers: 1, Timeout: patience})
	a := y.next()
	a.do("print " + strings.Repeat("x", maxLine) + "yyy")
	a.do("die")
	a.end()
	b := y.next()
	y.signal(syscall.SIGTERM)
	b.end()
	y.status()
	prefix := fmt.Sprintf("[wsgi:error] [pid %d:tid %d] ", a.PID, a.PID)
	y.saw(prefix+strings.Repeat("x", maxLine)+"\n", prefix+"yyy\n")
}

func TestProcessCannotStart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		part part
		want string
	}{
		{part{Workers: 1, Exec: missing}, "cannot start a worker process: executing " + missing},
		{part{Workers: 1, PidFile: filepath.Join(missing, "pid")}, "cannot write the pid file"},
		{part{Workers: 0}, "at least one worker"},
	} {
		y := newPlay(t, test.part)
		if status := y.status(); status != 1 {
			t.Errorf("%+v: status %d", test.part, status)
		}
		y.saw(test.want)
	}
}

func TestProcessUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	y := newPlay(t, part{Workers: 1, Timeout: patience, UserID: 65534})
	if a := y.next(); a.User != 65534 {
		t.Errorf("user %d", a.User)
	}
	y.signal(syscall.SIGTERM)
	y.status()
}

// Who runs the worker role by hand is told what to run.
func TestInheritByHand(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"=worker")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "gild start-server") {
		t.Errorf("%v: %s", err, out)
	}
}
