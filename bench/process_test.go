package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shell is a server that is a shell script.
func shell(script string) server {
	return server{Name: "shell", Command: func(site) []string { return []string{"/bin/sh", "-c", script} }}
}

func TestStopLeavesNothingBehind(t *testing.T) {
	// The first process ends at once when told to; its child, whose number it prints, does not listen.
	r, err := start(shell(`sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & exec sleep 60`), places{}, "hello")
	if err != nil {
		t.Fatal(err)
	}
	child := waitForNumber(t, r.outputFile())
	if family := processesOf(r.first()); !holds(family, child) {
		t.Errorf("the child %d is not among %+v", child, family)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	waitUntilGone(t, child)
	if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory %s is still there: %v", r.Dir, err)
	}
}

func waitForNumber(t *testing.T, file string) int {
	t.Helper()
	for range 1000 {
		text, _ := os.ReadFile(file)
		if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return n
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the script printed no number")
	return 0
}

func waitUntilGone(t *testing.T, pid int) {
	t.Helper()
	for range 1000 {
		if state(pid) == "" || state(pid) == "Z" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

// state is the letter in /proc/PID/stat, "" if there is no such process.
func state(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	letter, _, _ := strings.Cut(rest, " ")
	return letter
}

func holds(list []process, pid int) bool {
	for _, p := range list {
		if p.PID == pid {
			return true
		}
	}
	return false
}

func TestServerThatEndsSaysWhy(t *testing.T) {
	r, err := start(shell("echo no such application; exit 3"), places{}, "hello")
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	_, err = r.ready(t.Context(), workloads()[0], time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "no such application") {
		t.Errorf("ready = %v, want the server's last words", err)
	}
}

func TestMissingServersAreNamed(t *testing.T) {
	missing := map[string]string{}
	t.Chdir(t.TempDir()) // no bench/scratch below
	b := bench{options: options{Servers: []string{daemon}}}
	if list := b.present(servers(), missing); len(list) != 0 || !strings.Contains(missing[daemon], filepath.Join("bench", "scratch", "gild")) {
		t.Errorf("present %v, missing %q", names(list), missing)
	}
}

// listening is a program behind a proxy: it listens on the socket file and prints its number.
const listening = `import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind("application.sock")
s.listen()
print(os.getpid(), flush=True)
time.sleep(60)
`

func TestWhatStandsBehindAProxyIsPartOfTheServer(t *testing.T) {
	srv := shell("exec sleep 60")
	srv.Behind = func(site) []string { return []string{"python3", "-c", listening} }
	r, err := start(srv, places{}, "hello")
	if err != nil {
		t.Fatal(err)
	}
	behind := waitForNumber(t, r.outputFile())
	front := r.programs[1].Process.Pid
	if family := processesOf(r.first()); !holds(family, behind) || !holds(family, front) {
		t.Errorf("%d and %d are not both among %+v", behind, front, family)
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	waitUntilGone(t, behind)
	waitUntilGone(t, front)
}

func TestWhatStandsBehindAProxySaysWhyItEnded(t *testing.T) {
	srv := shell("echo the proxy was started")
	srv.Behind = func(site) []string { return []string{"/bin/sh", "-c", "echo no such module; exit 3"} }
	r, err := start(srv, places{}, "hello")
	defer r.stop()
	if err == nil || !strings.Contains(err.Error(), "no such module") || len(r.programs) != 1 {
		t.Errorf("start = %v with %d programs, want the last words of the first", err, len(r.programs))
	}
}
