package mpm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests of this file run real processes; roles_test.go is what they are, play_test.go what drives them.

// What each child gets, and how all of them end.
func TestProcessDaemons(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: patience})
	front, daemons := y.cast(3)
	for i, a := range daemons {
		want := person{PID: a.PID, Parent: y.cmd.Process.Pid, ProcessGroup: a.PID, User: os.Getuid(), Name: "child-of-test", Verb: "daemon",
			Group: 0, Record: i, Generation: 1, Asked: 2, Listener: front.Listener, GroupFile: "0"}
		if fmt.Sprint(a.person) != fmt.Sprint(want) {
			t.Errorf("daemon %+v, want %+v", a.person, want)
		}
	}
	if front.Group != -1 || front.Record != -1 || front.GroupFile != "" || front.Listener == "" || len(front.Leaks) > 0 {
		t.Errorf("front %+v", front.person)
	}
	front.hears("accept")
	y.signal(syscall.SIGTERM)
	if got := front.end(); got != "stop 60" {
		t.Errorf("the front was told %q last", got)
	}
	if one, two := daemons[0].end(), daemons[1].end(); one != "stop" || two != "stop" {
		t.Errorf("the daemons were told %q and %q", one, two)
	}
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw("caught SIGTERM, shutting down", "[core:info] [pid "+strconv.Itoa(front.PID)+":", "child says hello",
		"terminated normally, exit code 0", "generation 1 has ended")
}

// Two groups have records and files of their own; workers have no records.
func TestProcessGroups(t *testing.T) {
	y := newPlay(t, part{Processes: 1, Timeout: patience})
	_, daemons := y.cast(3)
	for i, a := range daemons {
		if a.Group != i || a.Record != 0 || a.GroupFile != strconv.Itoa(i) {
			t.Errorf("%+v", a.person)
		}
	}
	y.stop()
	y = newPlay(t, part{Embedded: true, Processes: 2, Timeout: patience})
	_, workers := y.cast(2)
	for _, a := range workers {
		if a.Record != -1 || a.Listener == "" {
			t.Errorf("%+v", a.person)
		}
	}
	y.signal(syscall.SIGTERM)
	if got := workers[0].end(); got != "stop 60" {
		t.Errorf("the worker was told %q", got)
	}
	y.status()
}

// No child outlives its supervisor, not even one that does not listen.
func TestProcessSupervisorKilled(t *testing.T) {
	for _, behave := range []string{"serve", "hang"} {
		y := newPlay(t, part{Processes: 2, Timeout: patience, Behave: behave})
		front, daemons := y.cast(3)
		y.signal(syscall.SIGKILL)
		for _, a := range append(daemons, front) {
			if got := a.end(); behave == "serve" && got != "orphaned true" {
				t.Errorf("%s %d: %q", a.Verb, a.PID, got)
			}
		}
	}
}

// The front is told of a daemon's death, and how; the record is used again after the burial.
func TestProcessDaemonDeath(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: patience})
	front, daemons := y.cast(3)
	daemons[0].do("die")
	front.hears(fmt.Sprintf("process 0 0 %d dead terminated by signal 9 (SIGKILL)", daemons[0].PID))
	front.do("say buried 0 0")
	second := y.next()
	front.hears(fmt.Sprintf("process 0 %d %d ready", second.Record, second.PID))
	second.do("die")
	front.hears(fmt.Sprintf("process 0 %d %d dead terminated by signal 9 (SIGKILL)", second.Record, second.PID))
	third := y.next()
	if third.Record == second.Record {
		t.Errorf("record %d was given away before it was buried", third.Record)
	}
	front.do(fmt.Sprintf("say kill 0 1 %d garbage", daemons[1].PID))
	front.hears(fmt.Sprintf("process 0 1 %d dead garbage, terminated by signal 9 (SIGKILL)", daemons[1].PID))
	y.next()
	y.stop()
	y.saw(fmt.Sprintf("Process 'gild' (pid=%d) has died; deregistering and restarting it.", second.PID), "garbage; killing it")
}

// A front that dies is replaced by one that knows the daemons, which stay, and has the listener.
func TestProcessFrontDeath(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: patience})
	front, daemons := y.cast(3)
	for _, a := range daemons {
		front.hears(fmt.Sprintf("process 0 %d %d ready", a.Record, a.PID))
	}
	front.do("die")
	front.end()
	second := y.next()
	if second.Verb != "front" || second.Listener != front.Listener {
		t.Errorf("%+v after %+v", second.person, front.person)
	}
	for _, a := range daemons {
		second.hears(fmt.Sprintf("process 0 %d %d ready", a.Record, a.PID))
	}
	second.hears("accept")
	y.signal(syscall.SIGTERM)
	for _, a := range daemons {
		if got := a.end(); got != "stop" {
			t.Errorf("%q", got)
		}
	}
	y.status()
}

// A daemon that wants to be replaced is drained when the other is ready.
func TestProcessRenewal(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: patience})
	front, daemons := y.cast(3)
	daemons[0].do("say renew maximum_requests")
	fresh := y.next()
	front.hears(fmt.Sprintf("process 0 2 %d ready", fresh.PID))
	front.hears(fmt.Sprintf("process 0 0 %d draining maximum_requests", daemons[0].PID))
	if got := daemons[0].end(); got != "drain 60" {
		t.Errorf("told %q", got)
	}
	front.hears(fmt.Sprintf("process 0 0 %d dead maximum_requests, terminated normally, exit code 0", daemons[0].PID))
	y.stop()
	y.saw("Maximum requests reached; attempting graceful shutdown of daemon process 'gild'.")
}

// HUP with another configuration: the new generation is ready before the old front is told.
func TestProcessGeneration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "configuration")
	y := newPlay(t, part{Processes: 2, Timeout: patience, Configuration: file})
	front, daemons := y.cast(3)
	if err := os.WriteFile(file, []byte("3"), 0o644); err != nil {
		t.Fatal(err)
	}
	y.signal(syscall.SIGHUP)
	second, fresh := y.cast(4)
	if second.Generation != 2 || second.Listener != front.Listener || fresh[2].Record != 2 || fresh[2].Asked != 3 {
		t.Errorf("front %+v, daemon %+v", second.person, fresh[2].person)
	}
	second.hears("accept")
	if got := front.end(); got != "drain 60" {
		t.Errorf("the old front was told %q", got)
	}
	for _, a := range daemons {
		if got := a.end(); got != "drain 60" {
			t.Errorf("an old daemon was told %q", got)
		}
	}
	y.stop()
	y.saw("Generation 2 serves; generation 1 finishes what it has.", "generation 1 has ended", "generation 2 has ended")
}

func TestProcessHungChildIsKilled(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: time.Millisecond, Behave: "hang"})
	front, daemons := y.cast(3)
	y.signal(syscall.SIGTERM)
	front.end()
	daemons[1].end()
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw("Shutdown timeout expired; aborting daemon process 'gild'.", "terminated by signal 9 (SIGKILL)")
}

func TestProcessSecondSignalKills(t *testing.T) {
	y := newPlay(t, part{Processes: 2, Timeout: patience, Behave: "hang"})
	front, daemons := y.cast(3)
	y.signal(syscall.SIGTERM)
	y.signal(syscall.SIGINT)
	front.end()
	daemons[0].end()
	if status := y.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	y.saw("again; killing what still runs")
}

// A process that could not load its application gives way to one that could.
func TestProcessFailedThenReady(t *testing.T) {
	application := filepath.Join(t.TempDir(), "application")
	write := func(text string) {
		err := os.WriteFile(application+".new", []byte(text), 0o644)
		if err = errors.Join(err, os.Rename(application+".new", application)); err != nil {
			t.Fatal(err)
		}
	}
	write("Traceback (most recent call last):\nImportError: no x")
	y := newPlay(t, part{Processes: 2, Timeout: patience, Behave: application})
	front, broken := y.cast(3)
	for i, a := range broken {
		front.hears(fmt.Sprintf("process 0 %d %d failed ImportError: no x", i, a.PID))
	}
	write("ready")
	y.cast(2)
	if got := broken[0].end(); got != "drain 60" {
		t.Errorf("the failed process was told %q last", got)
	}
	y.stop()
	y.saw("could not load its application: ImportError: no x", "gild: the application, or a script, could not be loaded", "Traceback (most recent")
}

// HUP replaces both daemons, in turn, and reopens the log; the front stays.
func TestProcessRoll(t *testing.T) {
	errorLog := filepath.Join(t.TempDir(), "error_log")
	y := newPlay(t, part{Processes: 2, Timeout: patience, ErrorLog: errorLog})
	front, old := y.cast(3)
	if err := os.Rename(errorLog, errorLog+".1"); err != nil {
		t.Fatal(err)
	}
	y.signal(syscall.SIGHUP)
	_, fresh := y.cast(2)
	for _, a := range old {
		if got := a.end(); got != "drain 60" {
			t.Errorf("daemon %d was told %q", a.PID, got)
		}
	}
	for _, a := range fresh {
		front.hears(fmt.Sprintf("process 0 %d %d ready", a.Record, a.PID))
	}
	y.stop()
	if text, err := os.ReadFile(errorLog); err != nil || !strings.Contains(string(text), "SIGHUP received") {
		t.Errorf("the new log has %q, %v", text, err)
	}
}

// What is written to descriptors 1 and 2 becomes records, the unfinished line and the endless one too.
func TestProcessOutput(t *testing.T) {
	y := newPlay(t, part{Embedded: true, Processes: 2, Timeout: patience})
	_, workers := y.cast(2)
	a := workers[0]
	a.do("print " + strings.Repeat("x", maxLine) + "yyy")
	a.do("die")
	a.end()
	y.next()
	y.stop()
	prefix := fmt.Sprintf("[wsgi:error] [pid %d:tid %d] ", a.PID, a.PID)
	y.saw(prefix+strings.Repeat("x", maxLine)+"\n", prefix+"yyy\n")
}

func TestProcessCannotStart(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		part part
		want string
	}{
		{part{Processes: 1, Exec: missing}, "cannot start a process: executing " + missing},
		{part{Processes: 1, PidFile: filepath.Join(missing, "pid")}, "cannot write the pid file"},
		{part{Processes: 0}, "at least one process"},
	} {
		y := newPlay(t, test.part)
		if status := y.status(); status != 1 {
			t.Errorf("%+v: status %d", test.part, status)
		}
		y.saw(test.want)
	}
}

// A pid file that says nothing, or whose gild is gone, is overwritten; one of a living gild is not.
func TestProcessPidFile(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(pidFile, []byte("\x00garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := part{Embedded: true, Processes: 2, Timeout: patience, PidFile: pidFile}
	first := newPlay(t, p)
	_, workers := first.cast(2)
	if text, _ := os.ReadFile(pidFile); strings.TrimSpace(string(text)) != strconv.Itoa(first.cmd.Process.Pid) {
		t.Errorf("pid file %q, supervisor %d", text, first.cmd.Process.Pid)
	}
	second := newPlay(t, p)
	if status := second.status(); status != 1 {
		t.Errorf("status %d", status)
	}
	second.saw("belongs to a gild that runs, with process id \"" + strconv.Itoa(first.cmd.Process.Pid) + "\"")
	first.signal(syscall.SIGKILL)
	first.status()
	workers[0].end()
	third := newPlay(t, p)
	third.cast(2)
	third.stop()
	third.saw("Overwriting the pid file")
	if _, err := os.Stat(pidFile); err == nil {
		t.Error("the pid file is still there")
	}
}

func TestProcessUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	y := newPlay(t, part{Processes: 2, Timeout: patience, UserID: 65534})
	if a := y.next(); a.User != 65534 {
		t.Errorf("user %d", a.User)
	}
	y.stop()
}

// Who runs the role by hand is told what to run.
func TestInheritByHand(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"=child")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "gild start-server") {
		t.Errorf("%v: %s", err, out)
	}
}
