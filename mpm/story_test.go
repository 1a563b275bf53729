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

// TestStories plays every file of testdata/supervisor against a supervisor without processes. A story is a list of events, one a line; the
// lines indented below an event are what the supervisor did about it. Events:
//
//	start embedded|daemon|front WORD...
//	                                the supervisor begins; with "front" there are no groups. Words: terminal, pid1, systemd, and numbers and durations of the first
//	                                group: processes=2, min=, max=, spare=MIN-MAX, records=, startup=, shutdown=, graceful=, eviction=
//	configuration same              the configuration is as it was when it is read again (also: bad)
//	configuration changed WORD...   it is this one, the next time it is read
//	farewell TEXT                   from here on the generation before is told so when another serves
//	PID says TEXT                   a child's message
//	PID falls silent                the end of its control socket
//	PID is deaf                     its control socket is full
//	PID exits CODE                  the process has ended
//	PID dies SIGNAL                 the same, by a signal
//	signal NAME                     the supervisor receives a signal
//	wait DURATION                   time passes, and timers fire
//	broken / repaired               from here on no process can be started / it can again
//
// After each event the generations are shown when they have changed: the processes in each place with the records of the arena
// that they have, and then those that are in no place any more and the records that the front has to clean.
func TestStories(t *testing.T) {
	playAll(t, "testdata/supervisor", func(t *testing.T) teller {
		return &world{t: t, clock: time.Unix(1700000000, 0)}
	})
}

// A teller has the events of a story happen.
type teller interface {
	play(line string)
	did() string // what came of the last event, a line each, indented
}

// playAll plays the stories of a directory, each with a teller of its own; with -u it rewrites them.
func playAll(t *testing.T, directory string, newTeller func(*testing.T) teller) {
	files, err := filepath.Glob(filepath.Join(directory, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playStory(t, path, newTeller(t)) })
	}
}

// playStory plays one file.
func playStory(t *testing.T, path string, told teller) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue
		}
		out.WriteString(line + "\n")
		if line != "" && line[0] != '#' {
			told.play(line)
			out.WriteString(told.did())
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
	t          *testing.T
	s          *Supervisor
	clock      time.Time
	alarms     []alarm
	lastPID    int
	hears      map[int]func(string, bool)
	dead       map[int]syscall.WaitStatus
	deaf       map[int]bool
	killed     map[int]bool
	broken     bool
	placement  string
	generation int
	next       *Plan // what the configuration asks for when it is read again
	bad        error // or what is wrong with it
	farewell   string
	events     []string
	shown      string
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
		start: func(_ *Role, _ []byte, hear func(string, bool)) (process, error) {
			if w.broken {
				return process{}, errors.New("no such thing")
			}
			w.lastPID++
			pid := w.lastPID
			w.hears[pid] = hear
			return process{pid: pid,
				send:  func(message string) error { return w.told(pid, message) },
				close: func() {}}, nil
		},
		wait: w.wait,
		kill: func(pid int, sig syscall.Signal) error {
			w.note("kill %d %s", pid, unix.SignalName(sig))
			w.killed[pid] = true
			return nil
		},
		after:     func(d time.Duration, f func()) { w.alarms = append(w.alarms, alarm{w.clock.Add(d), f}) },
		now:       func() time.Time { return w.clock },
		monotonic: func() time.Duration { return w.clock.Sub(time.Unix(1700000000, 0)) },
	}
}

// told is a message for a child.
func (w *world) told(pid int, message string) error {
	if w.deaf[pid] {
		return os.NewSyscallError("send", syscall.EAGAIN)
	}
	w.note("tell %d %s", pid, message)
	return nil
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
	case "configuration":
		w.configure(words[1:])
	case "farewell":
		w.farewell = strings.Join(words[1:], " ")
	case "broken", "repaired":
		w.broken = words[0] == "broken"
	default:
		w.childEvent(line, words)
	}
	w.s.report()
}

// start is the event that begins a story.
func (w *world) start(words []string) {
	w.lastPID, w.hears, w.dead, w.deaf, w.next = 100, map[int]func(string, bool){}, map[int]syscall.WaitStatus{}, map[int]bool{}, nil
	w.alarms, w.generation, w.placement, w.killed, w.farewell = nil, 0, words[0], map[int]bool{}, ""
	o := Options{Plan: w.plan(words), Log: w, Stderr: w, ServeLog: func(*os.File) error { return nil },
		Reload:   func() (*Plan, error) { plan, err := w.next, w.bad; w.next, w.bad = nil, nil; return plan, err },
		Reopen:   func() error { w.note("reopen the logs"); return nil },
		Adopt:    w.adopt,
		Retire:   func(p *Plan) { w.note("retire generation %d", p.Generation) },
		Terminal: slices.Contains(words, "terminal")}
	if slices.Contains(words, "systemd") {
		o.Notify, o.Watchdog = func(state string) { w.note("notify %q", state) }, 20*time.Second
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

// adopt is Options.Adopt.
func (w *world) adopt(next, last *Plan) string {
	w.note("adopt generation %d instead of %d", next.Generation, last.Generation)
	return w.farewell
}

// plan returns the next generation, with one group that the words describe.
func (w *world) plan(words []string) *Plan {
	w.generation++
	g := Group{Role: Role{Name: "gild", Args: []string{"x"}, Config: []byte("{}")}, Processes: 1,
		Shutdown: 5 * time.Second, Graceful: 15 * time.Second}
	for _, word := range words {
		if name, value, isSetting := strings.Cut(word, "="); isSetting {
			w.set(&g, name, value)
		}
	}
	p := &Plan{Generation: w.generation, Groups: []Group{g}}
	if w.placement == "front" {
		p.Groups, p.Shutdown, p.Graceful = nil, g.Shutdown, g.Graceful
	}
	if w.placement != "embedded" {
		p.Front = &Role{Name: "front", Args: []string{"x"}, Config: []byte("{}")}
	}
	return p
}

// set sets one field of g.
func (w *world) set(g *Group, name, value string) {
	ints := map[string]*int{"processes": &g.Processes, "min": &g.Minimum, "max": &g.Maximum, "records": &g.Records}
	durations := map[string]*time.Duration{"startup": &g.Startup, "shutdown": &g.Shutdown, "graceful": &g.Graceful, "eviction": &g.Eviction}
	var err error
	switch {
	case ints[name] != nil:
		*ints[name], err = strconv.Atoi(value)
	case durations[name] != nil:
		*durations[name], err = time.ParseDuration(value)
	case name == "spare":
		_, err = fmt.Sscanf(value, "%d-%d", &g.MinSpare, &g.MaxSpare)
	default:
		err = errors.New("unknown word")
	}
	if err != nil {
		w.t.Fatalf("%s=%s: %v", name, value, err)
	}
}

// configure says what Reload will return.
func (w *world) configure(words []string) {
	switch words[0] {
	case "changed":
		w.next = w.plan(words[1:])
	case "bad":
		w.bad = errors.New("--threads: x is no number")
	}
}

// childEvent is an event whose first word is a process id.
func (w *world) childEvent(line string, words []string) {
	pid, err := strconv.Atoi(words[0])
	if err != nil {
		w.t.Fatalf("unknown event %q", line)
	}
	if w.hears[pid] == nil && w.s.os.pid != 1 {
		w.t.Fatalf("%q: no such process in %s", line, w.processes())
	}
	rest := strings.Join(words[2:], " ")
	switch words[1] {
	case "is":
		w.deaf[pid] = true
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
		w.s.report()
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

// processes shows the generations.
func (w *world) processes() string {
	var all []string
	for _, g := range w.s.generations {
		all = append(all, w.show(g))
	}
	text := strings.Join(all, "\n      ")
	if w.s.stopping {
		text += fmt.Sprintf(" (stopping, %d left)", len(w.s.children))
	}
	return text
}

// show shows a generation.
func (w *world) show(g *generation) string {
	var places []string
	shown := map[*child]bool{}
	for _, t := range g.places() {
		text := "empty"
		if t.current != nil {
			text = showChild(t.current)
		}
		if t.next != nil {
			text += " + " + showChild(t.next)
		}
		places = append(places, text)
		shown[t.current], shown[t.next] = true, true
	}
	text := strings.Join(places, " | ")
	for _, c := range w.s.living(g) {
		if !shown[c] {
			text += "; " + showChild(c)
		}
	}
	for _, p := range g.groups {
		for i, r := range p.records {
			if r == unburied {
				text += fmt.Sprintf("; record %d unburied", i)
			}
		}
	}
	switch {
	case g == w.s.pending:
		text += " (pending)"
	case g.retired && !w.s.stopping:
		text += " (retired)"
	}
	return text
}

// showChild shows a process with its record.
func showChild(c *child) string {
	name := strconv.Itoa(c.pid)
	if c.place.kind == front {
		name = "front " + name
	}
	if c.record >= 0 {
		name += fmt.Sprintf("@%d", c.record)
	}
	return name + " " + c.state.String()
}
