package mpm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gild/logs"
)

// TestMonitorStories plays every file of testdata/monitor against a subject without Python. A story is a list of events, one a
// line; the lines indented below an event are what the monitor did about it, with the time since the start. Events:
//
//	watch OPTION=VALUE...     the monitor begins, with these limits
//	thread N begins REQUEST   the thread gets a request ("ignored" before it: to a path of ignore-activity)
//	thread N ends             the request has been served, and counts unless it was ignored
//	gil held / gil free       from here on the GIL cannot be obtained / it can again
//	stacks fail               Python does not answer when it is asked for stacks
//	cpu DURATION, rss BYTES   what the process has used
//	SIGXCPU                   the kernel's signal
//	resume                    the supervisor says that there is no replacement
//	wait DURATION             time passes, and the monitor looks when it wants to
func TestMonitorStories(t *testing.T) {
	playAll(t, "testdata/monitor", func(t *testing.T) teller { return &patient{t: t} })
}

// patient is a subject made of numbers, whose clock stands still between events.
type patient struct {
	t       *testing.T
	m       *Monitor
	now     time.Duration
	next    time.Duration // when the monitor wants to look again
	threads []Thread
	began   []time.Duration
	served  uint64
	held    time.Duration // since when the GIL is held, -1 = it is not
	mute    bool
	cpu     time.Duration
	rss     int64
	done    strings.Builder
}

// did is what the monitor did since the last call.
func (p *patient) did() string {
	defer p.done.Reset()
	return p.done.String()
}

// note records what the monitor did.
func (p *patient) note(format string, args ...any) {
	fmt.Fprintf(&p.done, "    %s %s\n", p.now, fmt.Sprintf(format, args...))
}

func (p *patient) Enabled(logs.Level) bool { return true }
func (p *patient) Log(r logs.Record)       { p.note("log [%s:%s] %s", r.Module, r.Level, r.Message) }

func (p *patient) Threads() []Thread {
	for i := range p.threads {
		p.threads[i].Elapsed = p.now - p.began[i]
	}
	return p.threads
}

func (p *patient) GILAge() time.Duration {
	if p.held < 0 {
		return 0
	}
	return p.now - p.held
}

func (p *patient) Stacks(reason string) error {
	p.note("stacks %s", reason)
	if p.mute {
		return errors.New("no answer")
	}
	return nil
}

func (p *patient) Requests() uint64   { return p.served }
func (p *patient) CPU() time.Duration { return p.cpu }
func (p *patient) RSS() int64         { return p.rss }
func (p *patient) Interrupt(thread int, serial uint32) {
	p.note("interrupt %d, serial %d", thread, serial)
}
func (p *patient) DumpWithoutGIL()                        { p.note("dump without the GIL") }
func (p *patient) Renew(reason string)                    { p.note("renew %s", reason) }
func (p *patient) Leave(reason string)                    { p.note("leave %s", reason) }
func (p *patient) duration(text string) (d time.Duration) { p.parse(&d, text); return d }
func (p *patient) number(text string) (n int)             { p.parse(&n, text); return n }

// parse reads a word of a story.
func (p *patient) parse(to any, text string) {
	p.t.Helper()
	var err error
	switch to := to.(type) {
	case *time.Duration:
		*to, err = time.ParseDuration(text)
	case *int:
		*to, err = strconv.Atoi(text)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// play carries out one event.
func (p *patient) play(line string) {
	p.t.Helper()
	words := strings.Fields(line)
	switch words[0] + " " + words[min(1, len(words)-1)] {
	case "gil held":
		p.held = p.now
	case "gil free":
		p.held = -1
	case "stacks fail":
		p.mute = true
	case "SIGXCPU SIGXCPU":
		p.m.xcpu = true
		p.look()
	case "resume resume":
		p.m.resumed()
		p.look()
	default:
		p.playValue(words)
	}
}

// playValue carries out an event that has a value.
func (p *patient) playValue(words []string) {
	switch words[0] {
	case "watch":
		p.watch(words[1:])
	case "thread":
		p.work(p.number(words[1]), words[2], strings.Join(words[3:], " "))
	case "cpu":
		p.cpu = p.duration(words[1])
	case "rss":
		p.rss = int64(p.number(words[1]))
	case "wait":
		p.wait(p.duration(words[1]))
	default:
		p.t.Fatalf("no such event: %q", words)
	}
}

// watch begins.
func (p *patient) watch(options []string) {
	var l Limits
	durations := map[string]*time.Duration{"request": &l.RequestTimeout, "interrupt": &l.InterruptTimeout, "deadlock": &l.Deadlock,
		"inactivity": &l.Inactivity, "restart": &l.RestartInterval, "cpu": &l.CPUTime}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		switch d := durations[name]; {
		case d != nil:
			*d = p.duration(value)
		case name == "threads":
			l.Threads = p.number(value)
		case name == "memory":
			l.Memory = int64(p.number(value))
		default:
			p.t.Fatalf("no such limit: %s", name)
		}
	}
	p.threads, p.began, p.held = make([]Thread, l.Threads), make([]time.Duration, l.Threads), -1
	p.m = NewMonitor("localhost:8000", l, p, p)
	p.m.clock = func() time.Time { return time.Unix(1700000000, 0).Add(p.now) }
	p.m.begin()
	p.look()
}

// work lets thread i begin a request or end it.
func (p *patient) work(i int, verb, request string) {
	t := &p.threads[i]
	switch verb {
	case "begins":
		request, ignored := strings.CutPrefix(request, "ignored ")
		*t = Thread{Busy: true, Ignored: ignored, Serial: t.Serial + 1, Request: request}
		p.began[i] = p.now
	case "ends":
		if !t.Ignored {
			p.served++
		}
		t.Busy = false
	default:
		p.t.Fatalf("a thread does not %s", verb)
	}
}

// wait lets d pass.
func (p *patient) wait(d time.Duration) {
	end := p.now + d
	for p.next <= end {
		p.now = p.next
		p.look()
	}
	p.now = end
}

// look is one look of the monitor.
func (p *patient) look() { p.next = p.now + p.m.step() }

// TestMonitorRun shows that Run looks, hears SIGXCPU, obeys Resume, and ends with its context.
func TestMonitorRun(t *testing.T) {
	renewed := make(chan string)
	m := NewMonitor("G", Limits{CPUTime: time.Hour}, channels{new(patient), renewed}, silent{})
	clock := time.Unix(1700000000, 0)
	m.clock = func() time.Time { clock = clock.Add(resumePause); return clock }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { m.Run(ctx); close(ended) }()
	stop := insist(t, syscall.SIGXCPU)
	for range 2 {
		if reason := <-renewed; reason != "cpu_time_limit" {
			t.Errorf("renewed because of %s", reason)
		}
		m.Resume()
	}
	stop()
	cancel()
	select {
	case <-renewed: // by the second Resume, possibly
		<-ended
	case <-ended:
	}
}

// insist sends the signal to this process until stop is called: Run may not listen yet.
func insist(t *testing.T, sig syscall.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			_ = syscall.Kill(os.Getpid(), sig)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return cancel
}

// channels is a subject that has nothing to do, and tells when it is renewed.
type channels struct {
	*patient
	renewed chan string
}

func (c channels) Renew(reason string) { c.renewed <- reason }

// silent is a log of nothing.
type silent struct{}

func (silent) Enabled(logs.Level) bool { return false }
func (silent) Log(logs.Record)         {}
