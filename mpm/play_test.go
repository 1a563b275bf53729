package mpm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// play is one run of a supervisor.
type play struct {
	t    *testing.T
	part part
	cmd  *exec.Cmd
	home net.Listener
	out  output
}

// output is the standard error of the supervisor, with the log.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// newPlay starts a supervisor.
func newPlay(t *testing.T, p part) *play {
	t.Helper()
	home, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Home = home.Addr().String()
	if p.Behave == "" {
		p.Behave = "serve"
	}
	input, _ := json.Marshal(p)
	y := &play{t: t, part: p, home: home}
	y.cmd = exec.Command("/proc/self/exe")
	y.cmd.Env = append(os.Environ(), roleVariable+"=supervisor", "GORACE=atexit_sleep_ms=0") // or each end takes a second with -race
	y.cmd.Stdin, y.cmd.Stderr = bytes.NewReader(input), &y.out
	if err := y.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = y.cmd.Process.Kill()
		_ = y.cmd.Wait()
		_ = home.Close()
		if t.Failed() {
			t.Log(y.out.String())
		}
	})
	return y
}

// actor is a child that has called.
type actor struct {
	person
	t     *testing.T
	conn  net.Conn
	in    *bufio.Reader
	heard []string // what it was told, as far as that has been read
}

// next waits for the next child to call.
func (y *play) next() *actor {
	y.t.Helper()
	_ = y.home.(*net.TCPListener).SetDeadline(time.Now().Add(patience)) // only so that a bug fails instead of hanging
	conn, err := y.home.Accept()
	if err != nil {
		y.t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	a := &actor{t: y.t, conn: conn, in: bufio.NewReader(conn)}
	line, err := a.in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a.person)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { _ = conn.Close() })
	return a
}

// cast waits for n children and returns the front, if there is one, and the others by group and record.
func (y *play) cast(n int) (front *actor, others []*actor) {
	y.t.Helper()
	for range n {
		if a := y.next(); a.Verb == "front" {
			front = a
		} else {
			others = append(others, a)
		}
	}
	slices.SortFunc(others, func(a, b *actor) int { return 100*(a.Group-b.Group) + a.Record - b.Record })
	return front, others
}

// do has the child do something.
func (a *actor) do(verb string) { fmt.Fprintln(a.conn, verb) }

// end waits for the child's end and returns what it was told last.
func (a *actor) end() string {
	rest, err := io.ReadAll(a.in)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		a.t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(string(rest)), "\n")
	return lines[len(lines)-1]
}

// hears waits until the child is told message, or has been.
func (a *actor) hears(message string) {
	a.t.Helper()
	for !slices.Contains(a.heard, message) {
		line, err := a.in.ReadString('\n')
		if err != nil {
			a.t.Fatalf("process %d was not told %q: %v", a.PID, message, err)
		}
		a.heard = append(a.heard, strings.TrimSuffix(line, "\n"))
	}
}

// signal sends a signal to the supervisor.
func (y *play) signal(sig os.Signal) {
	y.t.Helper()
	if err := y.cmd.Process.Signal(sig); err != nil {
		y.t.Fatal(err)
	}
}

// status waits for the supervisor's end and returns its exit status.
func (y *play) status() int {
	_ = y.cmd.Wait()
	return y.cmd.ProcessState.ExitCode()
}

// stop ends the play in order.
func (y *play) stop() {
	y.t.Helper()
	y.signal(syscall.SIGTERM)
	if status := y.status(); status != 0 {
		y.t.Errorf("status %d", status)
	}
}

// saw checks that the supervisor, which has ended, said something.
func (y *play) saw(texts ...string) {
	y.t.Helper()
	for _, text := range texts {
		if !strings.Contains(y.out.String(), text) {
			y.t.Errorf("nothing on standard error has %q", text)
		}
	}
}

const patience = time.Minute // longer than any test
