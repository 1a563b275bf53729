package mpm

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"gild/logs"
)

// A Supervisor keeps the processes of a [Plan] alive. All its state belongs to the goroutine of [Supervisor.Run].
type Supervisor struct {
	o     Options
	os    system
	inbox chan func()   // what other goroutines want done in the loop
	quit  chan struct{} // closed when the loop has ended

	generations []*generation  // those that have processes, the oldest first
	serving     *generation    // the one that accepts connections
	pending     *generation    // one that is starting in place of it; nil = none
	children    map[int]*child // every process that has not been reaped, by pid

	now  *place   // whose turn it is in a roll; nil = nobody's
	left []*place // who comes after it

	stopping bool // no process is started any more
	hurry    bool // and those that there are have only the shutdown timeout
	herald   herald
}

// New returns a supervisor; nothing is started. The error says which option is wrong.
func New(o Options) (*Supervisor, error) {
	o, err := o.check()
	if err != nil {
		return nil, err
	}
	s := &Supervisor{o: o, inbox: make(chan func()), quit: make(chan struct{}), children: map[int]*child{}}
	s.os = realSystem(&s.o, s.post)
	s.serving = newGeneration(o.Plan)
	return s, nil
}

// Run starts the processes and supervises until a signal has stopped them all; then it returns nil. An error means that nothing
// runs: the pid file could not be written, or the first processes not be started. While it runs the signals of the process are its
// own: TERM and INT stop (a second one kills), HUP and USR1 read the configuration again, replace the processes and reopen the
// logs, WINCH stops gracefully unless there is a terminal.
func (s *Supervisor) Run() error {
	signals, deaths, restore := subscribe()
	defer restore()
	file, err := claimPidFile(s.o.PidFile, s.o.Log)
	if err != nil {
		return err
	}
	defer file.remove()
	s.os.prepare()
	err = s.startAll()
	s.loop(signals, deaths)
	s.os.drain()
	return err
}

// Plan returns the plan that serves, or the one that is being brought into service. Only Options.Reload may call it.
func (s *Supervisor) Plan() *Plan {
	if s.pending != nil {
		return s.pending.plan
	}
	return s.serving.plan
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
		s.report()
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

// startAll starts the first generation. When that is not possible whatever was started is stopped again: the user is
// still looking, and the reason will not go away by itself.
func (s *Supervisor) startAll() error {
	if err := s.launch(s.serving); err != nil {
		s.stopAll(true)
		return fmt.Errorf("cannot start a process: %w", err)
	}
	s.feedWatchdog()
	return nil
}

// heard takes one message of a child, or the end of its control socket. What a process says that is leaving does not
// matter any more; what a front says does, to its end.
func (s *Supervisor) heard(c *child, message string, open bool) {
	isFront := c.place.kind == front
	switch {
	case c.state == exited, c.state == leaving && !(isFront && open):
	case !open:
		s.onSilence(c)
	default:
		s.obey(c, message)
	}
}

// obey does what a message of c means. Whoever says something else is beyond talking to.
func (s *Supervisor) obey(c *child, message string) {
	verb, text, _ := strings.Cut(message, " ")
	do := processVerb(verb)
	if c.place.kind == front {
		do = frontVerb(verb)
	}
	err := errors.New("nothing that it may say")
	if do != nil {
		err = do(s, c, text)
	}
	if err != nil && c.state != leaving {
		s.say(logs.Error, "Process '%s' (pid=%d) is %s and said %.40q: %v; killing it.", c.name(), c.pid, c.state, message, err)
		s.abort(c, "protocol")
	}
}

// frontVerb returns what a verb of a front means, or nil.
func frontVerb(verb string) func(s *Supervisor, f *child, text string) error {
	switch verb {
	case "ready":
		return (*Supervisor).onFrontReady
	case "buried":
		return (*Supervisor).onBuried
	case "kill":
		return (*Supervisor).onKill
	case "load":
		return (*Supervisor).onLoad
	}
	return nil
}

// processVerb returns what a verb of a daemon or worker means, or nil.
func processVerb(verb string) func(s *Supervisor, c *child, text string) error {
	switch verb {
	case "ready":
		return (*Supervisor).onReady
	case "failed":
		return (*Supervisor).onFailed
	case "renew":
		return (*Supervisor).onRenew
	case "leaving":
		return (*Supervisor).onLeaving
	}
	return nil
}

// onSilence sees to it that a child with a closed control socket ends. Mostly it has ended already and is about to be reaped.
func (s *Supervisor) onSilence(c *child) {
	s.os.after(silenceGrace, func() {
		if c.alive() {
			s.say(logs.Error, "Process '%s' (pid=%d) has closed its control socket; killing it.", c.name(), c.pid)
			s.abort(c, "silence")
		}
	})
}

// tell sends c a message. A child that has gone will be reaped; one that does not read is of no use any more.
func (s *Supervisor) tell(c *child, message string) {
	err := c.send(message)
	if errors.Is(err, syscall.EAGAIN) && !c.aborted {
		s.say(logs.Error, "Process '%s' (pid=%d) does not read its control socket, which is full; killing it.", c.name(), c.pid)
		s.abort(c, "deaf")
	}
}

// pids returns the processes that have not been reaped, the oldest first where numbers tell.
func (s *Supervisor) pids() []int { return slices.Sorted(maps.Keys(s.children)) }
