package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// waitingApplication notes in the file "begun" that a request has begun, and answers it when there is a file "go".
const waitingApplication = `import os, time

begun = os.open('begun', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

def application(environ, start_response):
    os.write(begun, b'begun\n')
    while not os.path.exists('go'):
        time.sleep(0.01)
    start_response('200 OK', [])
    return [b'%d' % os.getpid()]
`

// waiting is a number of requests that have been sent to waitingApplication.
type waiting struct {
	t       *testing.T
	g       *gild
	answers chan string // "200 PID" or another status
}

func startWaiting(t *testing.T, args ...string) *waiting {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "app.wsgi", waitingApplication)
	g := start(t, dir, nil, append([]string{"start-server", "app.wsgi"}, args...))
	return &waiting{t: t, g: g, answers: make(chan string, 100)}
}

// send makes n requests at once.
func (w *waiting) send(n int) {
	for range n {
		go func() {
			body, err := w.g.get("/")
			if err != nil {
				body = err.Error()
			}
			w.answers <- body
		}()
	}
}

// begun waits until n requests are in the application.
func (w *waiting) begun(n int) {
	w.t.Helper()
	err := retry(func() error {
		text, _ := os.ReadFile(filepath.Join(w.g.dir, "begun"))
		if got := strings.Count(string(text), "\n"); got != n {
			return fmt.Errorf("%d requests are in the application, want %d", got, n)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// finish lets the application answer.
func (w *waiting) finish() { write(w.t, w.g.dir, "go", "") }

// read returns n answers.
func (w *waiting) read(n int) (list []string) {
	for range n {
		list = append(list, <-w.answers)
	}
	return list
}

// TestPreforkScales asks more at once than there are processes: prefork starts more, as many as it may, each with one
// request; and when they are idle it lets the superfluous go.
func TestPreforkScales(t *testing.T) {
	t.Parallel()
	const most = 6
	w := startWaiting(t, "--server-mpm", "prefork", "--processes", "1", "--threads", fmt.Sprint(most))
	if n := len(w.g.application()); n >= most {
		t.Errorf("%d processes at the start", n)
	}
	w.send(most)
	w.begun(most)
	w.finish()
	pids := map[string]bool{}
	for _, pid := range w.read(most) {
		pids[pid] = true
	}
	if len(pids) != most {
		t.Errorf("%d requests were answered by %v", most, pids)
	}
	err := retry(func() error {
		if n := len(w.g.application()); n > most/2 {
			return fmt.Errorf("%d processes are left", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDaemonBacklog asks more at once than there are threads and places to wait: the rest is refused at once or after
// --connect-timeout, and those that were taken are served.
func TestDaemonBacklog(t *testing.T) {
	t.Parallel()
	const backlog, more = 4, 8
	w := startWaiting(t, "--threads", "1", "--daemon-backlog", fmt.Sprint(backlog), "--connect-timeout", "1")
	w.g.logged("resuming normal operations")
	w.send(1)
	w.begun(1)
	w.send(backlog + more)
	for _, answer := range w.read(more) {
		if !strings.Contains(answer, "503") {
			t.Errorf("a request too many was answered %q", answer)
		}
	}
	w.finish()
	for _, answer := range w.read(1 + backlog) {
		if strings.Contains(answer, "status") {
			t.Errorf("a request that was taken was answered %q", answer)
		}
	}
}
