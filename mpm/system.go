package mpm

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long the end of the supervisor waits for what its children last wrote. A process that the application
// has left behind may hold the pipes open for ever.
const drainTime = 500 * time.Millisecond

// system is the operating system as the supervisor uses it. The functions that take a function call it in the loop.
type system struct {
	pid       int
	prepare   func() // before the first start
	start     func(r *Role, first []byte, hear func(message string, open bool)) (process, error)
	wait      func(pid int) (dead int, status syscall.WaitStatus, ok bool) // like wait4 with WNOHANG
	kill      func(pid int, sig syscall.Signal) error
	after     func(d time.Duration, f func())
	now       func() time.Time
	monotonic func() time.Duration // CLOCK_MONOTONIC
	drain     func()               // waits, not for ever, until all that workers wrote has been read
}

// realSystem is the system that processes run on; post has a function called in the loop. It keeps o.
func realSystem(o *Options, post func(func())) system {
	readers := new(sync.WaitGroup)
	return system{
		pid:     os.Getpid(),
		prepare: hideDescriptors,
		start: func(r *Role, first []byte, hear func(string, bool)) (process, error) {
			return startChild(o, r, first, readers, func(message string, open bool) { post(func() { hear(message, open) }) })
		},
		wait:      waitNoHang,
		kill:      syscall.Kill,
		after:     func(d time.Duration, f func()) { time.AfterFunc(d, func() { post(f) }) },
		now:       time.Now,
		monotonic: monotonic,
		drain:     func() { waitFor(readers, drainTime) },
	}
}

// hideDescriptors keeps from the children what the supervisor's own parent has left open; what Go opens is hidden already. Before
// Linux 5.11 the call does not exist and such leaks reach the children, as they do with other servers.
func hideDescriptors() {
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

// monotonic reads the clock that other processes have too.
func monotonic() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // fails for unknown clocks only
	return time.Duration(now.Nano())
}

// waitNoHang reaps pid, or any child when pid is -1, if it has ended.
func waitNoHang(pid int) (dead int, status syscall.WaitStatus, ok bool) {
	for {
		dead, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return dead, status, err == nil && dead > 0
		}
	}
}

// waitFor waits for the group, for d at most.
func waitFor(group *sync.WaitGroup, d time.Duration) {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// subscribe asks for the signals of verbs and, separately because none of those may be lost, to SIGCHLD. HUP stays ignored
// when it was ignored at start: that is what nohup asks for.
func subscribe() (signals, deaths chan os.Signal, restore func()) {
	signals, deaths = make(chan os.Signal, 16), make(chan os.Signal, 1)
	for sig := range verbs {
		if sig != syscall.SIGHUP || !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	signal.Notify(deaths, syscall.SIGCHLD)
	return signals, deaths, func() { signal.Stop(signals); signal.Stop(deaths) }
}

// name is the name of a signal, as kill -l has it with SIG before it.
func name(sig os.Signal) string { return unix.SignalName(sig.(syscall.Signal)) }
