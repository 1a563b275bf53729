package mpm

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"gild/logs"
)

const (
	// killGrace is what a worker gets beyond the shutdown timeout: one that has used all of that to wait for its requests
	// can still end Python in order.
	killGrace = time.Second
	// silenceGrace is how long a worker may live after its control socket was closed.
	silenceGrace = 2 * time.Second
)

// A Supervisor keeps the workers of [Options] alive. All its state belongs to the goroutine of [Supervisor.Run].
type Supervisor struct {
	o     Options
	os    system
	inbox chan func()   // what other goroutines want done in the loop
	quit  chan struct{} // closed when the loop has ended

	slots     []*slot
	children  map[int]*child // every process that has not been reaped, by pid
	rolling   []*slot        // slots still to be replaced, the first in progress
	stopping  bool           // no process is started any more
	told      bool           // Stderr knows that the application cannot be loaded
	announced bool           // the log knows that all workers are ready
}

// New returns a supervisor; nothing is started. The error says which option is wrong.
func New(o Options) (*Supervisor, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{o: o, inbox: make(chan func()), quit: make(chan struct{}), children: map[int]*child{}}
	s.os = realSystem(s.post)
	for range o.Workers {
		s.slots = append(s.slots, &slot{})
	}
	return s, nil
}

// Run starts the workers and supervises until a signal has stopped them all; then it returns nil. An error means that nothing
// runs: the pid file could not be written, or the first processes not be started. While it runs the signals of the process are its
// own: TERM and INT stop (a second one kills), HUP and USR1 replace the workers and reopen the logs, WINCH stops unless
// there is a terminal.
func (s *Supervisor) Run() error {
	signals, deaths, restore := notify()
	defer restore()
	if err := writePidFile(s.o.PidFile, s.o.Log); err != nil {
		return err
	}
	defer removePidFile(s.o.PidFile)
	s.os.prepare()
	err := s.startAll()
	s.loop(signals, deaths)
	s.os.drain()
	return err
}

// loop does one thing after the other until everything has ended.
func (s *Supervisor) loop(signals, deaths <-chan os.Signal) {
	defer close(s.quit)
	for !s.stopping || len(s.children) > 0 {
		select {
		case <-deaths:
			s.reap()
		case sig := <-signals:
			s.onSignal(sig)
		case f := <-s.inbox:
			f()
		}
	}
}

// post has f called by the loop. It may be called from any goroutine, and waits until the loop has taken f or has ended.
func (s *Supervisor) post(f func()) {
	select {
	case s.inbox <- f:
	case <-s.quit:
	}
}

// say logs for the supervisor.
func (s *Supervisor) say(level logs.Level, format string, args ...any) {
	logs.Printf(s.o.Log, level, "mpm", format, args...)
}

// startAll fills the slots for the first time. When that is not possible whatever was started is stopped again: the user is
// still looking, and the reason will not go away by itself.
func (s *Supervisor) startAll() error {
	for _, t := range s.slots {
		c, err := s.spawn(t)
		if err != nil {
			s.stopAll()
			return fmt.Errorf("cannot start a worker process: %w", err)
		}
		t.current = c
	}
	return nil
}

// spawn executes a worker for the slot t.
func (s *Supervisor) spawn(t *slot) (*child, error) {
	c := &child{slot: t, born: s.os.now()}
	p, err := s.os.start(&s.o, func(message string, open bool) { s.heard(c, message, open) })
	if err != nil {
		return nil, err
	}
	c.process = p
	s.children[p.pid] = c
	s.say(logs.Info, "Starting process '%s' (pid=%d).", s.o.Name, p.pid)
	return c, nil
}

// heard takes one message of a worker, or the end of its control socket.
func (s *Supervisor) heard(c *child, message string, open bool) {
	verb, text, _ := strings.Cut(message, " ")
	switch {
	case c.state == stopping || c.state == exited: // it does not matter any more
	case !open:
		s.onSilence(c)
	case verb == "ready" && c.move(ready) == nil:
		s.onReady(c)
		s.announce()
	case verb == "failed" && c.move(failed) == nil:
		s.onFailed(c, text)
	default:
		s.say(logs.Error, "Process '%s' (pid=%d) is %s and said %.40q; killing it.", s.o.Name, c.pid, c.state, message)
		_ = s.os.kill(c.pid, syscall.SIGKILL)
	}
}

// onSilence sees to it that a worker with a closed control socket ends. Mostly it has ended already and is about to be reaped.
func (s *Supervisor) onSilence(c *child) {
	s.os.after(silenceGrace, func() {
		if c.state != exited {
			s.say(logs.Error, "Process '%s' (pid=%d) has closed its control socket; killing it.", s.o.Name, c.pid)
			_ = s.os.kill(c.pid, syscall.SIGKILL)
		}
	})
}

// announce logs, once, that every worker serves.
func (s *Supervisor) announce() {
	for _, t := range s.slots {
		if t.current == nil || t.current.state != ready {
			return
		}
	}
	if !s.announced {
		s.announced = true
		s.say(logs.Notice, "Worker processes ready: %d -- resuming normal operations", len(s.slots))
	}
}

// tell repeats on Stderr, once and only while no worker has ever served, why the application cannot be loaded: at first start
// somebody looks there.
func (s *Supervisor) tell(text string) {
	if !s.told && !s.announced {
		s.told = true
		fmt.Fprintf(s.o.Stderr, "gild: the application could not be loaded; requests are answered with an error until it can:\n%s\n",
			strings.TrimSpace(text))
	}
}

// stop tells c to finish what it has and leave, and kills it when it does not.
func (s *Supervisor) stop(c *child) {
	if c.move(stopping) != nil {
		return // it is leaving already
	}
	if s.o.ShutdownTimeout == 0 {
		s.abort(c)
		return
	}
	_ = c.send("stop") // one that cannot be told is killed in time
	s.os.after(s.o.ShutdownTimeout+killGrace, func() {
		if c.state != exited {
			s.say(logs.Warn, "Shutdown timeout expired; aborting process '%s' (pid=%d).", s.o.Name, c.pid)
			s.abort(c)
		}
	})
}

// abort kills c.
func (s *Supervisor) abort(c *child) { _ = s.os.kill(c.pid, syscall.SIGKILL) }

// pids returns the processes that have not been reaped, the oldest first where numbers tell.
func (s *Supervisor) pids() []int { return slices.Sorted(maps.Keys(s.children)) }

// stopAll ends everything: no process is started from here on.
func (s *Supervisor) stopAll() {
	s.stopping, s.rolling = true, nil
	for _, pid := range s.pids() {
		s.stop(s.children[pid])
	}
}
