package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gild/config"
	"gild/logs"
)

// record is a log that keeps what it is told.
type record []string

func (r *record) Enabled(logs.Level) bool { return true }
func (r *record) Log(entry logs.Record)   { *r = append(*r, entry.Message) }

// socket opens what systemd might pass, and returns its file and its address.
func socket(t *testing.T, network, address string) (*os.File, string) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	return fileOf(t, l.(filer)), l.Addr().String()
}

// filer is what has a file: each kind of socket.
type filer interface{ File() (*os.File, error) }

// fileOf returns a file of the socket.
func fileOf(t *testing.T, s filer) *os.File {
	t.Helper()
	f, err := s.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// on is a listener at an address.
func on(address string) config.Listener {
	return config.Listener{Network: "tcp", Address: address, Scheme: "http"}
}

// port is the port of an address.
func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAssignByAddress(t *testing.T) {
	loopback, at := socket(t, "tcp", "127.0.0.1:0")
	everywhere, anywhere := socket(t, "tcp", ":0")
	six, at6 := socket(t, "tcp", "[::1]:0")
	listeners := []config.Listener{on(":" + port(t, anywhere)), on("[::1]:1"), on("localhost:" + port(t, at)), on(at6)}
	chosen, err := assign([]*os.File{loopback, six, everywhere}, listeners)
	if want := []*os.File{everywhere, nil, loopback, six}; err != nil || !slices.Equal(chosen, want) {
		t.Errorf("%v, %v, not %v", chosen, err, want)
	}
}

// TestAssignDatagrams: TCP and UDP have ports of their own.
func TestAssignDatagrams(t *testing.T) {
	tcp, at := socket(t, "tcp", "127.0.0.1:0")
	packets, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Skipf("the UDP port of the same number is taken: %v", err)
	}
	defer packets.Close()
	udp := fileOf(t, packets.(filer))
	chosen, err := assign([]*os.File{udp, tcp}, []config.Listener{on(at), {Network: "udp", Address: at}})
	if want := []*os.File{tcp, udp}; err != nil || !slices.Equal(chosen, want) {
		t.Errorf("%v, %v, not %v", chosen, err, want)
	}
}

func TestAssignSingle(t *testing.T) {
	f, _ := socket(t, "tcp", "127.0.0.1:0")
	chosen, err := assign([]*os.File{f}, []config.Listener{on("192.0.2.1:1")})
	if err != nil || !slices.Equal(chosen, []*os.File{f}) {
		t.Errorf("%v, %v", chosen, err)
	}
	if chosen, err := assign(nil, []config.Listener{on(":1")}); err != nil || !slices.Equal(chosen, []*os.File{nil}) {
		t.Errorf("without sockets: %v, %v", chosen, err)
	}
}

func TestAssignRefuses(t *testing.T) {
	tcp, at := socket(t, "tcp", "127.0.0.1:0")
	listener, err := net.FileListener(tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	again := fileOf(t, listener.(filer))
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	udp := fileOf(t, packets.(filer))
	local, _ := socket(t, "unix", filepath.Join(t.TempDir(), "socket"))
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		name, says string
		files      []*os.File
		listeners  []config.Listener
	}{
		{"another port", "listens on tcp " + at + ", but gild is to listen on tcp 127.0.0.1:1, tcp 127.0.0.1:2;", []*os.File{tcp},
			[]config.Listener{on("127.0.0.1:1"), on("127.0.0.1:2")}},
		{"another interface", "listens on tcp " + at, []*os.File{tcp}, []config.Listener{on(":" + port(t, at)), on(":1")}},
		{"one too many", "two sockets for " + at, []*os.File{tcp, again}, []config.Listener{on(at)}},
		{"datagrams", "listens on udp " + packets.LocalAddr().String(), []*os.File{udp}, []config.Listener{on(":1")}},
		{"unix", "no TCP or UDP socket", []*os.File{local}, []config.Listener{on(":1")}},
		{"a file", "no socket", []*os.File{null}, []config.Listener{on(":1")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := assign(c.files, c.listeners); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// TestActivatedChild is no test: it is the process to which TestActivated passes a socket as systemd would.
func TestActivatedChild(t *testing.T) {
	address, ok := os.LookupEnv("GILD_TEST_ACTIVATED")
	if !ok {
		t.Skip("this is the child of TestActivated")
	}
	log := new(record)
	chosen, err := activated([]config.Listener{on(address)}, log)
	if err != nil || len(chosen) != 1 || chosen[0] == nil || chosen[0].Name() != "web.socket" {
		t.Fatalf("%v, %v", chosen, err)
	}
	if want := "Listening on the socket web.socket that systemd has opened, for " + address + "."; !slices.Equal(*log, []string{want}) {
		t.Errorf("the log is %q", *log)
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if value, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still %s", name, value)
		}
	}
	again, err := activated([]config.Listener{on(address)}, log)
	if err != nil || !slices.Equal(again, []*os.File{nil}) {
		t.Errorf("without systemd: %v, %v", again, err)
	}
}

func TestActivated(t *testing.T) {
	f, address := socket(t, "tcp", "127.0.0.1:0")
	child := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run='^TestActivatedChild$' -test.v`, os.Args[0])
	child.Env = append(os.Environ(), "GILD_TEST_ACTIVATED="+address, "LISTEN_FDS=1", "LISTEN_FDNAMES=web.socket")
	child.ExtraFiles = []*os.File{f}
	out, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestActivatedChild") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNotifier(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	log := new(record)
	tell := notifier(log)
	tell("READY=1")
	buffer := make([]byte, 100)
	if n, err := conn.Read(buffer); err != nil || string(buffer[:n]) != "READY=1" {
		t.Errorf("systemd heard %q, %v", buffer[:n], err)
	}
	conn.Close()
	tell("STOPPING=1")
	tell("STATUS=gone")
	if len(*log) != 1 || !strings.Contains((*log)[0], `"STOPPING=1" at NOTIFY_SOCKET=`+path) {
		t.Errorf("the log is %q", *log)
	}
}

// TestNotifierWithoutReader: the kernel keeps about ten messages that nobody reads; those after them are given up.
func TestNotifierWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for n := 0; ; n++ {
		if err := notify(path, "WATCHDOG=1"); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil || n > 10000 {
			t.Fatalf("after %d messages: %v", n, err)
		}
	}
}

func TestNotifierWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	log := new(record)
	notifier(log)("READY=1")
	if len(*log) != 0 {
		t.Errorf("the log is %q", *log)
	}
}

func TestWatchdog(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
		fails     bool
	}{
		{"", "", 0, false},
		{"3000000", "", 3 * time.Second, false},
		{"3000000", strconv.Itoa(os.Getpid()), 3 * time.Second, false},
		{"3000000", "1", 0, false},
		{"often", "", 0, true},
	} {
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got, err := watchdog(); got != c.want || (err != nil) != c.fails {
			t.Errorf("%q for %q is %v, %v", c.usec, c.pid, got, err)
		}
	}
}

func TestWithoutSystemd(t *testing.T) {
	env := []string{"PATH=/bin", "NOTIFY_SOCKET=@x", "WATCHDOG_USEC=1", "WATCHDOG_PID=1", "LISTEN_PID=1", "LISTEN_FDS=2", "LISTEN_FDNAMES=a:b",
		"LISTEN_FDS_OF_MINE=3"}
	before := fmt.Sprint(env)
	if got := fmt.Sprint(withoutSystemd(env)); got != "[PATH=/bin LISTEN_FDS_OF_MINE=3]" || fmt.Sprint(env) != before {
		t.Errorf("%s, from %v", got, env)
	}
}
