package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	readyLimit = 15 * time.Second // for a server to answer its first request
	stopLimit  = 3 * time.Second  // for a server to leave after SIGTERM
)

// running is a server that was started and not yet stopped.
type running struct {
	site
	cmd     *exec.Cmd
	started time.Time     // just before exec
	gone    chan struct{} // closed when the first process has been reaped
}

// start runs the server on a free loopback port, in a process group of its own so that its processes can be told from
// everybody else's. A session of its own would do that as well, but Linux shares the processors out among sessions
// (sched_autogroup_enabled) before it does among processes: the one process of the load generator would weigh as much
// as all of the server's. The caller must call stop.
func start(srv server, at places, app string) (*running, error) {
	s, err := newSite(at, app)
	if err != nil {
		return nil, err
	}
	if srv.Prepare != nil {
		if err := srv.Prepare(s); err != nil {
			return nil, err
		}
	}
	r := &running{site: s, gone: make(chan struct{})}
	return r, r.exec(srv.Command(s))
}

// newSite finds a port that is free at the moment and makes the private directory, readable for the user that
// Apache changes to.
func newSite(at places, app string) (site, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return site{}, err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return site{}, err
	}
	dir, err := os.MkdirTemp("", "gild-bench-")
	if err != nil {
		return site{}, err
	}
	return site{places: at, Dir: dir, Port: port, App: app}, os.Chmod(dir, 0o755)
}

// exec starts the first process; what the server prints goes to a file in its directory.
func (r *running) exec(command []string) error {
	out, err := os.Create(r.outputFile())
	if err != nil {
		return err
	}
	defer out.Close()
	r.cmd = exec.Command(command[0], command[1:]...)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.Dir = out, out, r.Dir
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.started = time.Now()
	if err := r.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = r.cmd.Wait() // how it ended shows in its output
		close(r.gone)
	}()
	return nil
}

func (r *running) outputFile() string { return filepath.Join(r.Dir, "output") }

// ready asks until the right answer comes, once per interval, and returns how long that took from the exec. A wrong
// answer is an error at once if it is complete: measuring it would be measuring something else.
func (r *running) ready(ctx context.Context, w workload, interval time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		answer, err := ask(ctx, r.address(), w.Request)
		if err == nil {
			return time.Since(r.started), r.check(answer, w)
		}
		select {
		case <-r.gone:
			return 0, fmt.Errorf("the server ended before it served: %s", r.lastWords())
		case <-ctx.Done():
			return 0, fmt.Errorf("no answer within %v (%w): %s", readyLimit, err, r.lastWords())
		case <-time.After(interval):
		}
	}
}

func (r *running) check(a answer, w workload) error {
	if a.Status == 200 && bytes.Equal(a.Body, w.Want) {
		return nil
	}
	return fmt.Errorf("case %s: answered %d with %d bytes instead of 200 with %d: %s",
		w.Name, a.Status, len(a.Body), len(w.Want), r.lastWords())
}

// lastWords is the end of what the server printed and logged.
func (r *running) lastWords() string {
	var text []byte
	for _, name := range []string{r.outputFile(), filepath.Join(r.Dir, "error.log")} {
		part, _ := os.ReadFile(name) // absent is as good as empty
		text = append(text, part...)
	}
	text = bytes.TrimSpace(text)
	return string(text[max(0, len(text)-600):])
}

// stop ends the server and whatever it left behind, and removes its directory. Only processes that start made, and
// their descendants, are touched.
func (r *running) stop() error {
	defer os.RemoveAll(r.Dir)
	if r.cmd == nil || r.cmd.Process == nil {
		return nil
	}
	family := processesOf(r.cmd.Process.Pid)
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // gone already: nothing to signal
	var late error
	select {
	case <-r.gone:
	case <-time.After(stopLimit):
		late = errors.New("still there " + stopLimit.String() + " after SIGTERM")
	}
	killLeftovers(family)
	<-r.gone
	return late
}

// killLeftovers kills those of the family that still live. A process number that was given to somebody else meanwhile
// belongs to a process that started later.
func killLeftovers(family []process) {
	for _, p := range family {
		now, err := readProcess(p.PID)
		if err == nil && now.Start == p.Start {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
}
