package cgi

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// endTime is how long a program may go on that has printed everything, or was told to end. That is Apache's, too.
const endTime = 3 * time.Second

// exitTime is how long the end of a program may come after that of its output, for it to be known whether it was killed.
const exitTime = 100 * time.Millisecond

// A program is one that runs, as the Output of its request.
type program struct {
	runner *Runner
	cmd    *exec.Cmd
	ctx    context.Context
	stop   func() bool // the end of ctx does not matter any more

	stdout  *os.File
	stdin   *os.File      // nil: there is none
	sending chan struct{} // closed when the body is sent, or given up; nil: there is none
	exited  chan struct{} // closed when the program has ended
	state   *os.ProcessState

	broken atomic.Pointer[error] // why the body could not be read
	err    error                 // of Read
}

// start starts the program and what serves its pipes.
func (r *Runner) start(ctx context.Context, q *Request) (*program, error) {
	pipes, err := openPipes(q.Body != nil)
	if err != nil {
		return nil, failed(fmt.Sprintf("no pipes for '%s': %v", q.File, err))
	}
	cmd := r.command(q, pipes)
	if err := r.spawner.start(cmd); err != nil {
		pipes.close()
		return nil, startError(q.File, err)
	}
	closeAll(pipes.theirs[:])
	p := &program{runner: r, cmd: cmd, ctx: ctx, stdin: pipes.ours[stdin], stdout: pipes.ours[stdout], exited: make(chan struct{})}
	p.stop = context.AfterFunc(ctx, p.kill)
	go p.wait()
	go p.log(pipes.ours[stderr], q.Stderr)
	p.send(q.Body)
	return p, nil
}

// command is what is started: in the directory of the script (RFC 3875 section 7.2), and in a process group of its own. Without a body
// standard input is /dev/null. Of two variables of one name the last counts.
func (r *Runner) command(q *Request, pipes *pipes) *exec.Cmd {
	cmd := &exec.Cmd{
		Path: q.File, Args: []string{q.File}, Env: append(r.environ[:len(r.environ):len(r.environ)], q.Environ...),
		Dir: filepath.Dir(q.File), Stdout: pipes.theirs[stdout], Stderr: pipes.theirs[stderr],
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if pipes.theirs[stdin] != nil {
		cmd.Stdin = pipes.theirs[stdin]
	}
	return cmd
}

// wait reaps the program and gives up its place.
func (p *program) wait() {
	state, _ := p.cmd.Process.Wait() // it fails when somebody else in this process has reaped it
	p.state = state
	close(p.exited)
	<-p.runner.places
}

// log passes standard error on. A process in the background that keeps it open is listened to for a while.
func (p *program) log(stderr *os.File, line func(string)) {
	defer stderr.Close()
	w := &lineWriter{line: line}
	go func() {
		<-p.exited
		_ = stderr.SetReadDeadline(time.Now().Add(endTime))
	}()
	_, _ = io.Copy(w, stderr)
	w.finish()
}

// send brings the body. A program need not read it; one whose body breaks off is killed.
func (p *program) send(body io.Reader) {
	if body == nil {
		return
	}
	p.sending = make(chan struct{})
	go func() {
		defer close(p.sending)
		defer p.stdin.Close()
		if err := p.copyBody(body); err != nil {
			p.broken.Store(&err)
			p.kill()
		}
	}()
}

// copyBody returns an error if the body could not be read.
func (p *program) copyBody(body io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			_ = p.stdin.SetWriteDeadline(time.Now().Add(p.runner.timeout))
			if _, err := p.stdin.Write(buffer[:n]); err != nil {
				return nil
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// Read implements Output. A program that was killed did not print all it was going to: that is io.ErrUnexpectedEOF.
func (p *program) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	_ = p.stdout.SetReadDeadline(time.Now().Add(p.runner.timeout))
	n, err := p.stdout.Read(b)
	if err != nil {
		p.err = p.explain(err)
	}
	return n, p.err
}

// explain says how the output has ended.
func (p *program) explain(err error) error {
	switch {
	case p.broken.Load() != nil:
		return *p.broken.Load()
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it printed nothing for %v (--socket-timeout): %w", p.runner.timeout, os.ErrDeadlineExceeded)
	case err != io.EOF:
		return err
	case p.isKilled():
		return fmt.Errorf("its process was killed (%v): %w", p.state, io.ErrUnexpectedEOF)
	}
	return io.EOF
}

// isKilled waits for the end of a program whose output has ended, and reports whether a signal was the reason.
func (p *program) isKilled() bool {
	select {
	case <-p.exited:
	case <-time.After(exitTime):
		return false
	}
	if p.state == nil {
		return false
	}
	status, ok := p.state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

// Buffered implements Output: the kernel has what is here.
func (p *program) Buffered() int { return 0 }

// Close implements Output. A program that has printed everything may end by itself, and what it has started in the background goes
// on; one that was at it is ended with all of its process group.
func (p *program) Close() error {
	if p.err != io.EOF {
		p.kill()
	}
	p.stop()
	err := p.stdout.Close()
	if p.sending != nil {
		_ = p.stdin.SetWriteDeadline(time.Now())
		<-p.sending
	}
	go p.see()
	return err
}

// see sees to the end of a program that has nothing to do any more.
func (p *program) see() {
	select {
	case <-p.exited:
	case <-time.After(endTime):
		p.kill()
	}
}

// kill ends the program and all of its process group: with TERM, and with KILL if that does not help.
func (p *program) kill() {
	p.signal(syscall.SIGTERM)
	go func() {
		select {
		case <-p.exited:
		case <-time.After(endTime):
			p.signal(syscall.SIGKILL)
		}
	}()
}

// signal sends a signal to the process group, unless the program has ended: its number may then be another's.
func (p *program) signal(s syscall.Signal) {
	select {
	case <-p.exited:
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}
