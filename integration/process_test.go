package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of this package. It only ends a test that has failed already: no test passes or fails
// by how long something took.
const patience = 20 * time.Second

// marker names the environment variable by which the processes of one gild are recognised in /proc, whoever their
// parent is now.
const marker = "GILD_TEST_MARK"

// placement is a way to arrange the processes of a gild that must make no difference to an application.
type placement struct {
	name string
	args []string
}

// placements are all there are. Every story runs in each, unless it says otherwise.
var placements = []placement{
	{name: "daemon"},
	{name: "embedded", args: []string{"--embedded-mode"}},
}

// gild is one running gild with everything it started.
type gild struct {
	t      *testing.T
	dir    string // files, server root and working directory
	port   int
	cmd    *exec.Cmd
	stdout buffer
	stderr buffer
	done   chan struct{} // closed when the first process has been waited for
	ended  bool          // the story has seen the end, so that cleanup need not ask for it
}

// start runs gild with args in dir. For start-server it adds a free port, a server root in dir and the log level
// info where args say nothing about them; if another program takes the port meanwhile it tries the next one.
// Before each attempt adjust may change the command that is about to be run.
func start(t *testing.T, dir string, env []string, args []string, adjust ...func(*exec.Cmd)) *gild {
	t.Helper()
	for try := 0; ; try++ {
		g := launch(t, dir, env, args, adjust...)
		if try == 3 || !g.lostPort() {
			t.Cleanup(g.stop)
			return g
		}
	}
}

// launch is one attempt of start.
func launch(t *testing.T, dir string, env []string, args []string, adjust ...func(*exec.Cmd)) *gild {
	t.Helper()
	g := &gild{t: t, dir: dir, port: freePort(t), done: make(chan struct{})}
	full := g.complete(args)
	g.cmd = exec.Command(built.gild, full...)
	g.cmd.Dir = dir
	g.cmd.Env = environ(append(env, marker+"="+dir))
	g.cmd.Stdout, g.cmd.Stderr = &g.stdout, &g.stderr
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, change := range adjust {
		change(g.cmd)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { g.cmd.Wait(); close(g.done) }()
	return g
}

// complete substitutes $DIR and $PORT in args and adds the options that each test needs, so that "status" finds what
// "start-server" has started.
func (g *gild) complete(args []string) []string {
	var out []string
	for _, arg := range args {
		out = append(out, strings.NewReplacer("$DIR", g.dir, "$PORT", strconv.Itoa(g.port)).Replace(arg))
	}
	if len(out) == 0 || out[0] != "start-server" && out[0] != "status" {
		return out
	}
	for _, option := range [][]string{
		{"--host", "127.0.0.1"}, {"--port", strconv.Itoa(g.port)},
		{"--server-root", filepath.Join(g.dir, "root")}, {"--log-level", "info"},
		{"--keep-alive-timeout", "30"}, // so that a connection outlives a machine that is busy with something else
	} {
		if !mentions(args, option[0]) {
			out = append(out, option...)
		}
	}
	return out
}

// mentions reports whether args have the option, separate from its value or not.
func mentions(args []string, option string) bool {
	for _, arg := range args {
		if arg == option || strings.HasPrefix(arg, option+"=") {
			return true
		}
	}
	return false
}

// environ is this process's environment without what would lead gild to another Python or application, and extra.
func environ(extra []string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name != "VIRTUAL_ENV" && !strings.HasPrefix(name, "PYTHONHOME") && !strings.HasPrefix(name, "PYTHONPATH") {
			env = append(env, pair)
		}
	}
	return append(env, extra...)
}

// write makes a file of a test.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// deadline is when something that is waited for has certainly failed.
func deadline() time.Time { return time.Now().Add(patience) }

// freePort is a port that nothing listened on a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// lostPort waits until gild accepts connections or has ended, and reports whether it ended because somebody else
// has its port.
func (g *gild) lostPort() bool {
	for end := time.Now().Add(patience); !g.over() && time.Now().Before(end); {
		if c, err := net.Dial("tcp", g.address()); err == nil {
			c.Close()
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return strings.Contains(g.stderr.String(), fmt.Sprintf(":%d", g.port)) &&
		strings.Contains(g.stderr.String(), "already in use")
}

func (g *gild) address() string { return fmt.Sprintf("127.0.0.1:%d", g.port) }

// url is the absolute URL of a path.
func (g *gild) url(path string) string { return "http://" + g.address() + path }

// get asks for a path on a connection of its own; an answer other than 200 is an error.
func (g *gild) get(path string) (string, error) { return get(g.url(path)) }

func get(url string) (string, error) {
	return fetch(&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}, url)
}

// fetch asks with a client, for whose patience it is the caller who cares.
func fetch(client *http.Client, url string) (string, error) {
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %s", answer.Status)
	}
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

// over reports whether the first process has ended.
func (g *gild) over() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// wait returns how gild ended: its exit status in digits, or "signal: killed" and the like.
func (g *gild) wait() (string, error) {
	g.ended = true
	select {
	case <-g.done:
	case <-time.After(patience):
		return "", errors.New("gild is still running")
	}
	if state := g.cmd.ProcessState; state.Exited() {
		return strconv.Itoa(state.ExitCode()), nil
	}
	return g.cmd.ProcessState.String(), nil
}

// stop ends a gild that the test has not ended itself: TERM must stop it with status 0, and in any case none of its
// processes may be left.
func (g *gild) stop() {
	if !g.ended {
		g.cmd.Process.Signal(syscall.SIGTERM)
		if status, err := g.wait(); err != nil || status != "0" {
			g.t.Errorf("TERM: exit status %s, %v, want 0", status, err)
		}
	}
	if left := g.remaining(); len(left) > 0 {
		g.t.Errorf("processes left behind: %v", left)
	}
	if strings.Contains(g.log(), "DATA RACE") {
		g.t.Error("the race detector has found something")
	}
	if g.t.Failed() {
		g.t.Logf("error log:\n%s\nstderr:\n%s", g.log(), g.stderr.String())
	}
}

// remaining waits until no process of this gild is left, and returns those that do not go, after killing them.
func (g *gild) remaining() []int {
	var left []int
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = marked(g.dir); len(left) == 0 {
			return nil
		}
	}
	for _, pid := range left {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	return left
}

// log is the error log so far: the file of the server root, or standard error if there is none.
func (g *gild) log() string {
	for _, name := range []string{"root/error_log", "logs/error_log"} {
		if text, err := os.ReadFile(filepath.Join(g.dir, name)); err == nil {
			return string(text)
		}
	}
	return g.stderr.String()
}

// logged waits until the error log has text.
func (g *gild) logged(text string) {
	g.t.Helper()
	err := retry(func() error {
		if strings.Contains(g.log(), text) {
			return nil
		}
		return fmt.Errorf("the error log has no %q", text)
	})
	if err != nil {
		g.t.Error(err)
	}
}

// access is the access log so far.
func (g *gild) access() string {
	for _, name := range []string{"root/access_log", "logs/access_log"} {
		if text, err := os.ReadFile(filepath.Join(g.dir, name)); err == nil {
			return string(text)
		}
	}
	return g.stdout.String()
}

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
