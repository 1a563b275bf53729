package mpm

import (
	"os"
	"syscall"

	"gild/logs"
)

// verbs is what each signal means.
var verbs = map[os.Signal]func(*Supervisor, os.Signal){
	syscall.SIGTERM:  (*Supervisor).terminate,
	syscall.SIGINT:   (*Supervisor).terminate,
	syscall.SIGHUP:   (*Supervisor).restart,
	syscall.SIGUSR1:  (*Supervisor).restart,
	syscall.SIGWINCH: (*Supervisor).gracefulStop,
	syscall.SIGPIPE:  func(*Supervisor, os.Signal) {}, // a write to a closed terminal or pipe fails; it must not kill
}

// onSignal does what sig means.
func (s *Supervisor) onSignal(sig os.Signal) { verbs[sig](s, sig) }

// terminate is TERM and INT: stop; the second time, kill.
func (s *Supervisor) terminate(sig os.Signal) {
	if !s.stopping || !s.hurry {
		s.say(logs.Notice, "caught %s, shutting down", name(sig))
		s.stopAll(true)
		return
	}
	s.say(logs.Warn, "caught %s again; killing what still runs", name(sig))
	for _, pid := range s.pids() {
		s.abort(s.children[pid], "shutdown_signal")
	}
}

// gracefulStop is WINCH. A terminal sends it whenever its window changes.
func (s *Supervisor) gracefulStop(sig os.Signal) {
	if !s.o.Terminal && !s.stopping {
		s.say(logs.Notice, "caught %s, shutting down gracefully", name(sig))
		s.stopAll(false)
	}
}

// restart is HUP and USR1.
func (s *Supervisor) restart(sig os.Signal) {
	if s.stopping {
		return
	}
	if err := s.o.Reopen(); err != nil {
		s.say(logs.Error, "Cannot reopen the log files: %v; writing to the old ones.", err)
	}
	s.say(logs.Notice, "%s received. Doing graceful restart", name(sig))
	plan, err := s.reload()
	switch {
	case err != nil:
		s.say(logs.Error, "The configuration is not taken over, because it cannot be used: %v; the old one goes on.", err)
	case plan != nil:
		s.succeed(plan)
	case s.pending != nil:
		s.again()
	default:
		s.roll()
	}
}

// reload reads the configuration again.
func (s *Supervisor) reload() (*Plan, error) {
	s.announceReload()
	plan, err := s.o.Reload()
	if err != nil || plan == nil {
		return nil, err
	}
	if err := plan.check(); err != nil {
		s.o.Retire(plan)
		return nil, err
	}
	return plan, nil
}
