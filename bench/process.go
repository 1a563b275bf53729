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
	"slices"
	"strconv"
	"sync"
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
	programs []*exec.Cmd    // the first leads the process group of all
	started  time.Time      // just before the exec of the last
	gone     chan struct{}  // closed when one of them has been reaped
	reaped   sync.WaitGroup // and this when all have been
	lost     func()         // closes gone, once
}

// first is the process that leads the group; 0 if nothing could be started.
func (r *running) first() int {
	if len(r.programs) == 0 {
		return 0
	}
	return r.programs[0].Process.Pid
}

// start runs the server on a free loopback port, in a process group of its own so that its processes can be told from
// everybody else's. A session of its own would do that as well, but Linux shares the processors out among sessions
// (sched_autogroup_enabled) before it does among processes: the one process of the load generator would weigh as much
// as all of the server's. What stands behind a proxy is started first. The caller must call stop.
func start(srv server, at places, app string) (*running, error) {
	s, err := newSite(at, srv, app)
	if err != nil {
		return nil, err
	}
	if srv.Prepare != nil {
		if err := srv.Prepare(s); err != nil {
			return nil, err
		}
	}
	r := &running{site: s, gone: make(chan struct{})}
	r.lost = sync.OnceFunc(func() { close(r.gone) })
	if srv.Behind != nil {
		if err := r.startBehind(srv.Behind(s)); err != nil {
			return r, err
		}
	}
	return r, r.exec(srv.Command(s))
}

// startBehind starts the program behind a proxy and waits until it accepts connections: until then the proxy would
// answer, and wrongly.
func (r *running) startBehind(command []string) error {
	if err := r.exec(command); err != nil {
		return err
	}
	for end := time.After(readyLimit); ; {
		conn, err := net.Dial("unix", r.socket())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-r.gone:
			return fmt.Errorf("%s ended before it listened: %s", command[0], r.lastWords())
		case <-end:
			return fmt.Errorf("%s does not listen after %v (%w): %s", command[0], readyLimit, err, r.lastWords())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// newSite finds ports that are free at the moment and makes the private directory, readable for the user that
// Apache and nginx change to.
func newSite(at places, srv server, app string) (site, error) {
	ports, err := freePorts(2)
	if err != nil {
		return site{}, err
	}
	dir, err := os.MkdirTemp("", "gild-bench-")
	if err != nil {
		return site{}, err
	}
	s := site{places: at, Dir: dir, Port: ports[0], OtherPort: ports[1], Secure: srv.Secure, App: app}
	return s, os.Chmod(dir, 0o755)
}

// freePorts are different ones, since they are free together.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// exec starts a program; what it prints goes to a file in the directory of the server.
func (r *running) exec(command []string) error {
	out, err := os.OpenFile(r.outputFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, r.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: r.first()}
	r.started = time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	r.programs = append(r.programs, cmd)
	r.reaped.Go(func() {
		_ = cmd.Wait() // how it ended shows in its output
		r.lost()
	})
	return nil
}

func (r *running) outputFile() string { return filepath.Join(r.Dir, "output") }

// ready asks until the right answer comes, once per interval, and returns how long that took from the exec. A wrong
// answer is an error at once if it is complete: measuring it would be measuring something else.
func (r *running) ready(ctx context.Context, w workload, interval time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		answer, err := ask(ctx, r.endpoint(), w.Request)
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
	if r.first() == 0 {
		return nil
	}
	family := processesOf(r.first())
	for _, cmd := range slices.Backward(r.programs) {
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already: nothing to signal
	}
	all := make(chan struct{})
	go func() {
		r.reaped.Wait()
		close(all)
	}()
	var late error
	select {
	case <-all:
	case <-time.After(stopLimit):
		late = errors.New("still there " + stopLimit.String() + " after SIGTERM")
	}
	killLeftovers(family)
	<-all
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
