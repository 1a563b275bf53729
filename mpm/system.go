package mpm

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long the end of the supervisor waits for what its workers last wrote. A process that the application
// has left behind may hold the pipes open for ever.
const drainTime = 500 * time.Millisecond

// system is the operating system as the supervisor uses it. The functions that take a function call it in the loop.
type system struct {
	pid     int
	prepare func() // before the first start
	start   func(o *Options, hear func(message string, open bool)) (process, error)
	wait    func(pid int) (dead int, status syscall.WaitStatus, ok bool) // like wait4 with WNOHANG
	kill    func(pid int, sig syscall.Signal) error
	after   func(d time.Duration, f func())
	now     func() time.Time
	drain   func() // waits, not for ever, until all that workers wrote has been read
}

// realSystem is the system that processes run on; post has a function called in the loop.
func realSystem(post func(func())) system {
	readers := new(sync.WaitGroup)
	return system{
		pid:     os.Getpid(),
		prepare: hideDescriptors,
		start: func(o *Options, hear func(string, bool)) (process, error) {
			return startWorker(o, readers, func(message string, open bool) { post(func() { hear(message, open) }) })
		},
		wait:  waitNoHang,
		kill:  syscall.Kill,
		after: func(d time.Duration, f func()) { time.AfterFunc(d, func() { post(f) }) },
		now:   time.Now,
		drain: func() { waitFor(readers, drainTime) },
	}
}

// hideDescriptors keeps from the workers what the supervisor's own parent has left open; what Go opens is hidden already. Before
// Linux 5.11 the call does not exist and such leaks reach the workers, as they do with other servers.
func hideDescriptors() {
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
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

// notify subscribes to the signals of verbs and, separately because none of those may be lost, to SIGCHLD. HUP stays ignored
// when it was ignored at start: that is what nohup asks for.
func notify() (signals, deaths chan os.Signal, restore func()) {
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
