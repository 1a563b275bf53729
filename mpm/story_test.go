package mpm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gild/logs"
)

// TestStories plays every file of testdata against a supervisor without processes. A story is a list of events, one a line; the
// lines indented below an event are what the supervisor did about it. Events:
//
//	start N               the supervisor begins, with N workers (also: terminal, timeout=0, pid1 behind it)
//	PID says TEXT         a worker's message
//	PID falls silent      the end of its control socket
//	PID exits CODE        the process has ended
//	PID dies SIGNAL       the same, by a signal
//	signal NAME           the supervisor receives a signal
//	wait DURATION         time passes, and timers fire
//	broken / repaired     from here on no process can be started / it can again
//
// After each event the processes in each slot are shown when they have changed.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playStory(t, path) })
	}
}

// playStory plays one file; with -u it rewrites it.
func playStory(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	w := &world{t: t, clock: time.Unix(1700000000, 0)}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		if line != "" && line[0] != '#' {
			w.play(line)
			out.WriteString(w.did())
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if out.String() != string(text) {
		t.Errorf("the story went differently:\n%s", out.String())
	}
}

// world is an operating system made of lists.
type world struct {
	t       *testing.T
	s       *Supervisor
	clock   time.Time
	alarms  []alarm
	lastPID int
	hears   map[int]func(string, bool)
	dead    map[int]syscall.WaitStatus
	broken  bool
	events  []string
	shown   string
}

// alarm is a timer that has not fired.
type alarm struct {
	at time.Time
	f  func()
}

// note records what the supervisor did.
func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

// Enabled and Log make the world the supervisor's log.
func (w *world) Enabled(logs.Level) bool { return true }
func (w *world) Log(r logs.Record)       { w.note("log [%s:%s] %s", r.Module, r.Level, r.Message) }

// Write makes it its standard error.
func (w *world) Write(b []byte) (int, error) {
	w.note("stderr %q", b)
	return len(b), nil
}

// system returns the operating system of the world.
func (w *world) system(pid int) system {
	return system{
		pid:     pid,
		prepare: func() {},
		start: func(_ *Options, hear func(string, bool)) (process, error) {
			if w.broken {
				return process{}, errors.New("no such thing")
			}
			w.lastPID++
			pid := w.lastPID
			w.hears[pid] = hear
			return process{pid: pid,
				send:  func(verb string) error { w.note("tell %d %s", pid, verb); return nil },
				close: func() {}}, nil
		},
		wait:  w.wait,
		kill:  func(pid int, sig syscall.Signal) error { w.note("kill %d %s", pid, unix.SignalName(sig)); return nil },
		after: func(d time.Duration, f func()) { w.alarms = append(w.alarms, alarm{w.clock.Add(d), f}) },
		now:   func() time.Time { return w.clock },
	}
}

// wait is wait4.
func (w *world) wait(pid int) (int, syscall.WaitStatus, bool) {
	for dead, status := range w.dead {
		if pid == -1 || pid == dead {
			delete(w.dead, dead)
			return dead, status, true
		}
	}
	return 0, 0, false
}

// play has one event happen.
func (w *world) play(line string) {
	words := strings.Fields(line)
	switch words[0] {
	case "start":
		w.start(words[1:])
	case "signal":
		w.s.onSignal(unix.SignalNum("SIG" + words[1]))
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			w.t.Fatal(err)
		}
		w.pass(d)
	case "broken", "repaired":
		w.broken = words[0] == "broken"
	default:
		w.childEvent(line, words)
	}
}

// start is the event that begins a story.
func (w *world) start(words []string) {
	n, _ := strconv.Atoi(words[0])
	w.lastPID, w.hears, w.dead = 100, map[int]func(string, bool){}, map[int]syscall.WaitStatus{}
	o := Options{Args: []string{"worker"}, Config: []byte("{}"), Workers: n, ShutdownTimeout: 5 * time.Second, Log: w, Stderr: w,
		ServeLog: func(*os.File) error { return nil }, Reopen: func() error { w.note("reopen the logs"); return nil },
		Terminal: slices.Contains(words, "terminal")}
	if slices.Contains(words, "timeout=0") {
		o.ShutdownTimeout = 0
	}
	s, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.s, s.os = s, w.system(2)
	if slices.Contains(words, "pid1") {
		s.os.pid = 1
	}
	if err := s.startAll(); err != nil {
		w.note("error %v", err)
	}
}

// childEvent is an event whose first word is a process id.
func (w *world) childEvent(line string, words []string) {
	pid, err := strconv.Atoi(words[0])
	if err != nil {
		w.t.Fatalf("unknown event %q", line)
	}
	rest := strings.Join(words[2:], " ")
	switch words[1] {
	case "says":
		w.hears[pid](rest, true)
	case "falls":
		w.hears[pid]("", false)
	case "exits":
		code, _ := strconv.Atoi(rest)
		w.dead[pid] = syscall.WaitStatus(code << 8)
		w.s.reap()
	case "dies":
		w.dead[pid] = syscall.WaitStatus(unix.SignalNum(rest))
		w.s.reap()
	default:
		w.t.Fatalf("unknown event %q", line)
	}
}

// pass lets d go by and fires the alarms in order.
func (w *world) pass(d time.Duration) {
	end := w.clock.Add(d)
	for {
		slices.SortStableFunc(w.alarms, func(a, b alarm) int { return a.at.Compare(b.at) })
		if len(w.alarms) == 0 || w.alarms[0].at.After(end) {
			break
		}
		next := w.alarms[0]
		w.alarms = w.alarms[1:]
		w.clock = next.at
		next.f()
	}
	w.clock = end
}

// did returns what has happened since the last call, as lines of a story.
func (w *world) did() string {
	var out strings.Builder
	for _, event := range w.events {
		out.WriteString("    " + event + "\n")
	}
	w.events = nil
	if now := w.processes(); now != w.shown {
		w.shown = now
		out.WriteString("    = " + now + "\n")
	}
	return out.String()
}

// processes shows the slots: current, then "+ next".
func (w *world) processes() string {
	var slots []string
	for _, t := range w.s.slots {
		text := "empty"
		if t.current != nil {
			text = fmt.Sprintf("%d %s", t.current.pid, t.current.state)
		}
		if t.next != nil {
			text += fmt.Sprintf(" + %d %s", t.next.pid, t.next.state)
		}
		slots = append(slots, text)
	}
	text := strings.Join(slots, " | ")
	if w.s.stopping {
		text += fmt.Sprintf(" (stopping, %d left)", len(w.s.children))
	}
	return text
}
