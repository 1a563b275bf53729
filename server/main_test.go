package server

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"gild/logs"
)

// TestMain fails the run when a test leaves a goroutine behind. It is also where the processes begin that a test starts.
func TestMain(m *testing.M) {
	if os.Getenv(sharerVariable) != "" {
		os.Exit(sharerMain())
	}
	before := runtime.NumGoroutine()
	code := m.Run()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != "" // which has goroutines of its own
	if code == 0 && !fuzzing {
		code = checkGoroutines(before)
	}
	os.Exit(code)
}

// checkGoroutines gives goroutines that are about to end the time to do so.
func checkGoroutines(before int) int {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	fmt.Fprintf(os.Stderr, "goroutines were left running:\n%s\n", buf[:runtime.Stack(buf, true)])
	return 1
}

// A testLog keeps the records of an error log.
type testLog struct {
	mu      sync.Mutex
	level   logs.Level
	records []logs.Record
}

func (l *testLog) Enabled(level logs.Level) bool { return level <= l.level }

func (l *testLog) Log(r logs.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

// text is all records, a line each: "level: message".
func (l *testLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, r := range l.records {
		fmt.Fprintf(&b, "%s: %s\n", r.Level, r.Message)
	}
	return b.String()
}

// A running is a server under test.
type running struct {
	*Server
	addr string
	log  *testLog
	done chan error // the result of Serve
	stop sync.Once
}

// listenTCP listens on a port of the system's choice, by TCP as the supervisor does, without MPTCP.
func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	socket, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

// start serves handler on a port of the system's choice until the test ends. change may alter the options.
func start(t testing.TB, handler http.HandlerFunc, change func(*Options)) *running {
	t.Helper()
	socket := listenTCP(t)
	r := &running{addr: socket.Addr().String(), log: &testLog{level: logs.Debug}, done: make(chan error, 1)}
	_, port, _ := net.SplitHostPort(r.addr)
	opts := Options{
		Listeners: []Listener{{Socket: socket, Info: Info{Host: "127.0.0.1", Port: port, Scheme: "http", Addr: socket.Addr()}}},
		Handler:   handler,
		Timeouts:  Timeouts{KeepAlive: time.Minute, Header: Pace{Timeout: time.Minute}, Body: Pace{Timeout: time.Minute}},
		ErrorLog:  r.log,
	}
	if change != nil {
		change(&opts)
	}
	r.Server = New(opts)
	go func() { r.done <- r.Serve() }()
	t.Cleanup(func() { r.close(t) })
	return r
}

// close shuts the server down, once, and fails the test if that does not work.
func (r *running) close(t testing.TB) {
	r.stop.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-r.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// dial connects to the server. The connection gives up after ten seconds, so that a test ends.
func (r *running) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}
