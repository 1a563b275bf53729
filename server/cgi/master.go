package cgi

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"gild/logs"
)

// A master is the first process of a php-cgi, which starts those that serve. It is started again when it ends.
type master struct {
	program  string
	environ  []string
	listener *os.File
	log      logs.Logger
	spawner  spawner

	up     atomic.Bool
	unfit  chan string   // why the present one is no good
	ending chan struct{} // closed to have it end
	ended  chan struct{} // closed when it has ended for good
}

// How long is waited before a php-cgi that ended is started again: twice as long each time, unless it ran for a while.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
	longLife   = time.Minute
)

func newMaster(program string, environ []string, listener *os.File, log logs.Logger) *master {
	m := &master{program: program, environ: environ, listener: listener, log: log,
		unfit: make(chan string, 1), ending: make(chan struct{}), ended: make(chan struct{})}
	m.up.Store(true) // until it is known better, requests wait
	return m
}

// isUp reports whether it runs, as far as is known.
func (m *master) isUp() bool { return m.up.Load() && !m.isEnding() }

// supervise runs php-cgi until end is called.
func (m *master) supervise() {
	defer close(m.ended)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		began := time.Now()
		why, wanted := m.run()
		if m.isEnding() {
			return
		}
		if wanted || time.Since(began) > longLife {
			pause = firstPause
		}
		if !wanted && !m.rest(why, pause) {
			return
		}
	}
}

// rest is the time in which there is none. It reports whether to go on.
func (m *master) rest(why string, pause time.Duration) bool {
	m.up.Store(false)
	defer m.up.Store(true)
	logs.Printf(m.log, logs.Error, "php", "%s; it is started again in %v.", why, pause)
	select {
	case <-m.ending:
		return false
	case <-time.After(pause):
		return true
	}
}

// run is the life of one master. It returns how it ended, and whether that was wanted.
func (m *master) run() (why string, wanted bool) {
	cmd, output, err := m.start()
	if err != nil {
		return fmt.Sprintf("php-cgi cannot be started: %v", err), false
	}
	logs.Printf(m.log, logs.Info, "php", "php-cgi has been started (pid %d).", cmd.Process.Pid)
	defer m.listen(output)()
	defer sweep(cmd)
	exited := reap(cmd)
	select {
	case why := <-exited:
		return why, false
	case <-m.ending:
		return dismiss(cmd, exited), true
	case why := <-m.unfit:
		logs.Printf(m.log, logs.Error, "php", "php-cgi (pid %d) is started again: %s.", cmd.Process.Pid, why)
		return dismiss(cmd, exited), true
	}
}

// reap waits for the end of a master, in another goroutine, and tells how it ended. That is not known when somebody else in this
// process has reaped it, as an application of embedded mode may.
func reap(cmd *exec.Cmd) <-chan string {
	exited := make(chan string, 1)
	go func() {
		state, err := cmd.Process.Wait()
		how := fmt.Sprint(state)
		if err != nil {
			how = err.Error()
		}
		exited <- fmt.Sprintf("php-cgi (pid %d) has ended: %s", cmd.Process.Pid, how)
	}()
	return exited
}

// replace has another one started in the place of the present one.
func (m *master) replace(why string) {
	select {
	case m.unfit <- why:
	default: // it is about to be
	}
}

// start starts a master, the leader of a process group. TERM has it end the others.
func (m *master) start() (*exec.Cmd, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	cmd := &exec.Cmd{Path: m.program, Args: []string{m.program}, Env: m.environ, Dir: "/", Stdin: m.listener, Stdout: w, Stderr: w,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}}
	if err := m.spawner.start(cmd); err != nil {
		_ = r.Close()
		return nil, nil, err
	}
	return cmd, r, nil
}

// listen logs what php-cgi says outside of requests. The function that it returns waits for the end of that.
func (m *master) listen(output *os.File) (finish func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := &lineWriter{line: func(line string) { logs.Printf(m.log, logs.Error, "php", "%s", line) }}
		_, _ = io.Copy(w, output)
		w.finish()
	}()
	return func() {
		_ = output.SetReadDeadline(time.Now().Add(exitTime))
		<-done
		_ = output.Close()
	}
}

// dismiss ends a master.
func dismiss(cmd *exec.Cmd, exited <-chan string) string {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case why := <-exited:
		return why
	case <-time.After(endTime):
		_ = cmd.Process.Kill()
		return <-exited
	}
}

// sweep ends the processes that a master has left behind: nobody would start others in their place.
func sweep(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func (m *master) isEnding() bool {
	select {
	case <-m.ending:
		return true
	default:
		return false
	}
}

// end ends it for good. It returns when that is done. Call it once.
func (m *master) end() {
	close(m.ending)
	<-m.ended
}
