package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// environApplication answers with the variables of systemd that have reached the application: there must be none.
const environApplication = `import os

def application(environ, start_response):
    start_response('200 OK', [])
    found = [name for name in os.environ if name.startswith(('NOTIFY_', 'LISTEN_', 'WATCHDOG_'))]
    return [('%s of %d' % (found, os.getpid())).encode()]
`

// TestSystemdNotify plays the part of systemd: gild reports that it is ready, that it reloads, and that it stops.
func TestSystemdNotify(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			inbox := notifySocket(t)
			g := start(t, dir, []string{"NOTIFY_SOCKET=" + inbox.LocalAddr().String()},
				append([]string{"start-server", "app.wsgi"}, place.args...))
			notified(t, inbox, "READY=1")
			if text, err := g.get("/"); err != nil || !strings.HasPrefix(text, "[] of ") {
				t.Errorf("the application sees %q, %v", text, err)
			}
			g.tell(syscall.SIGHUP, "supervisor")
			notified(t, inbox, "RELOADING=1")
			notified(t, inbox, "READY=1")
			g.tell(syscall.SIGTERM, "supervisor")
			notified(t, inbox, "STOPPING=1")
			if status, err := g.wait(); status != "0" {
				t.Errorf("exit status %s, %v", status, err)
			}
		})
	}
}

// TestSystemdWatchdog asks for a sign of life, as WatchdogSec= does.
func TestSystemdWatchdog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "app.wsgi", environApplication)
	inbox := notifySocket(t)
	start(t, dir, []string{"NOTIFY_SOCKET=" + inbox.LocalAddr().String(), "WATCHDOG_USEC=200000"},
		[]string{"start-server", "app.wsgi"})
	notified(t, inbox, "READY=1")
	notified(t, inbox, "WATCHDOG=1")
	notified(t, inbox, "WATCHDOG=1")
}

// notifySocket is where sd_notify messages arrive.
func notifySocket(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "gild") // the name of a socket has room for a hundred bytes, less than that of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// notified reads messages until one has the line.
func notified(t *testing.T, inbox *net.UnixConn, line string) {
	t.Helper()
	inbox.SetReadDeadline(deadline())
	block := make([]byte, 4096)
	for {
		n, err := inbox.Read(block)
		if err != nil {
			t.Fatalf("no %s: %v", line, err)
		}
		if strings.Contains("\n"+string(block[:n])+"\n", "\n"+line+"\n") {
			return
		}
	}
}

// TestSocketActivation hands gild its listening socket as systemd does. A client that has connected before gild was
// started is served.
func TestSocketActivation(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			socket, port := listening(t)
			early, err := dial(fmt.Sprintf("127.0.0.1:%s", port))
			if err != nil {
				t.Fatal(err)
			}
			defer early.Close()
			if err := early.send([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--port", port}, place.args...), activate(socket))
			answer, err := early.head()
			if err != nil {
				t.Fatal(err)
			}
			if text, _, err := early.rest(); answer.StatusCode != 200 || !strings.HasPrefix(text, "[] of ") {
				t.Errorf("status %d, %q, %v", answer.StatusCode, text, err)
			}
		})
	}
}

// TestSocketActivationStrange hands gild a socket that it has no use for: an error at the start that says so.
func TestSocketActivationStrange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "app.wsgi", environApplication)
	socket, port := listening(t)
	other, _ := listening(t)
	g := launch(t, dir, nil, []string{"start-server", "app.wsgi", "--port", port}, activate(socket, other))
	t.Cleanup(g.stop)
	_, otherPort, _ := net.SplitHostPort(localAddress(t, other))
	if status, err := g.wait(); err != nil || status == "0" || !strings.Contains(g.stderr.String(), otherPort) {
		t.Errorf("exit status %s, %v; want an error that names port %s, got:\n%s", status, err, otherPort, g.stderr.String())
	}
}

// listening is a socket as systemd would open it, and its port.
func listening(t *testing.T) (socket *os.File, port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if socket, err = listener.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return socket, port
}

func localAddress(t *testing.T, socket *os.File) string {
	t.Helper()
	listener, err := net.FileListener(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// activate runs a command with sockets from descriptor 3 on. A shell tells it its own process number, which cannot be known
// any earlier.
func activate(sockets ...*os.File) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		script := fmt.Sprintf(`LISTEN_PID=$$ LISTEN_FDS=%d exec "$@"`, len(sockets))
		c.Args = append([]string{"sh", "-c", script, "sh", c.Path}, c.Args[1:]...)
		c.Path = "/bin/sh"
		c.ExtraFiles = sockets
	}
}
