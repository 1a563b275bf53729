package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	https  int // the port for HTTPS, if args ask for it with $HTTPS
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
	g := prepare(t, dir)
	g.run(env, args, adjust...)
	return g
}

// prepare is a gild that has its ports and does not run yet.
func prepare(t *testing.T, dir string) *gild {
	t.Helper()
	return &gild{t: t, dir: dir, port: freePort(t), https: freePort(t), done: make(chan struct{})}
}

// run starts the process of a prepared gild. It is the caller who stops it.
func (g *gild) run(env []string, args []string, adjust ...func(*exec.Cmd)) {
	g.t.Helper()
	full := g.complete(args)
	g.cmd = exec.Command(built.gild, full...)
	g.cmd.Dir = g.dir
	g.cmd.Env = environ(append(env, marker+"="+g.dir))
	g.cmd.Stdout, g.cmd.Stderr = &g.stdout, &g.stderr
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, change := range adjust {
		change(g.cmd)
	}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() { g.cmd.Wait(); close(g.done) }()
}

// complete substitutes $DIR, $PORT, $HTTPS and $VENV in args and adds the options that each test needs, so that "status" finds what
// "start-server" has started.
func (g *gild) complete(args []string) []string {
	var out []string
	replacer := strings.NewReplacer("$DIR", g.dir, "$PORT", strconv.Itoa(g.port), "$HTTPS", strconv.Itoa(g.https),
		"$VENV", os.Getenv("GILD_TEST_VENV"))
	for _, arg := range args {
		out = append(out, replacer.Replace(arg))
	}
	if len(out) == 0 || out[0] != "start-server" && out[0] != "status" {
		return out
	}
	for _, option := range [][]string{
		{"--host", "127.0.0.1"}, {"--port", strconv.Itoa(g.port)},
		{"--server-root", filepath.Join(g.dir, "server")}, {"--log-level", "info"},
		{"--keep-alive-timeout", "30"}, // so that a connection outlives a machine that is busy with something else
	} {
		if !mentions(args, option[0]) {
			out = append(out, option...)
		}
	}
	if at := slices.Index(out, "--host"); out[at+1] == "any" {
		out = slices.Delete(out, at, at+2)
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

// freePort is a port of TCP and UDP that nothing used a moment ago, and that neither this function nor the system will give
// to anybody else: the system gives higher ones to those who do not care (ip_local_port_range).
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 12000 + rand.IntN(20000)
		if _, taken := portsGiven.LoadOrStore(port, true); !taken && isFree(port) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// portsGiven are the ports that freePort has given away.
var portsGiven sync.Map

// isFree reports whether nothing uses the port of 127.0.0.1.
func isFree(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	l.Close()
	p, err := net.ListenPacket("udp", address)
	if err == nil {
		p.Close()
	}
	return err == nil
}

// lostPort waits until gild accepts connections or has ended, and reports whether it ended because somebody else
// has its port.
func (g *gild) lostPort() bool {
	for end := time.Now().Add(patience); !g.over() && time.Now().Before(end); {
		if g.accepts() {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	text := g.stderr.String()
	return strings.Contains(text, "already in use") &&
		(strings.Contains(text, fmt.Sprintf(":%d", g.port)) || strings.Contains(text, fmt.Sprintf(":%d", g.https)))
}

// accepts reports whether all ports are open: that for HTTPS is the last.
func (g *gild) accepts() bool {
	address := g.address()
	if slices.Contains(g.cmd.Args, strconv.Itoa(g.https)) {
		address = g.secure()
	} else if at := slices.Index(g.cmd.Args, "--port"); at > 0 && at+1 < len(g.cmd.Args) {
		address = "127.0.0.1:" + g.cmd.Args[at+1] // not always ours
	}
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err == nil
}

func (g *gild) address() string { return fmt.Sprintf("127.0.0.1:%d", g.port) }

// secure is the address for HTTPS and HTTP/3.
func (g *gild) secure() string { return fmt.Sprintf("127.0.0.1:%d", g.https) }

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

// log is the error log so far: the files of the server root, or standard error if there is none.
func (g *gild) log() string { return g.written("error_log", g.stderr.String) }

// written is what stands in the log files of a name, rotated or not, in their order.
func (g *gild) written(name string, otherwise func() string) string {
	for _, dir := range []string{"server", "logs"} {
		files, _ := filepath.Glob(filepath.Join(g.dir, dir, name+".????-??-??-??_??_??"))
		if _, err := os.Stat(filepath.Join(g.dir, dir, name)); err == nil {
			files = append(files, filepath.Join(g.dir, dir, name))
		}
		var all strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err == nil { // it may be gone: --keep-logs
				all.Write(text)
			}
		}
		if len(files) > 0 {
			return all.String()
		}
	}
	return otherwise()
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
func (g *gild) access() string { return g.written("access_log", g.stdout.String) }

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
