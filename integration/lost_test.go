package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// pidApplication answers with the number of its process.
const pidApplication = `import os

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'%d' % os.getpid()]
`

// crowd is clients that ask on a new connection each time, as fast as they are answered.
type crowd struct {
	clients        int
	asked, refused atomic.Int64 // refused: not answered 200 with a body
	stop           chan struct{}
	all            sync.WaitGroup
	mu             sync.Mutex
	pids           map[string]bool
}

// gather sets a crowd on a gild.
func gather(t *testing.T, g *gild, clients int) *crowd {
	c := &crowd{clients: clients, stop: make(chan struct{}), pids: map[string]bool{}}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for range clients {
		c.all.Go(func() { c.ask(t, client, g.url("/")) })
	}
	return c
}

func (c *crowd) ask(t *testing.T, client *http.Client, url string) {
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		pid, err := fetch(client, url)
		c.asked.Add(1)
		if err != nil {
			t.Log(err)
			c.refused.Add(1)
			continue
		}
		c.mu.Lock()
		c.pids[pid] = true
		c.mu.Unlock()
	}
}

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

// others waits until so many different processes have answered.
func (c *crowd) others(t *testing.T, want int) {
	t.Helper()
	err := retry(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.pids) < want {
			return fmt.Errorf("%d processes have answered, want %d", len(c.pids), want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// leave ends the crowd.
func (c *crowd) leave() {
	close(c.stop)
	c.all.Wait()
}

func startPids(t *testing.T, args ...string) *gild {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.wsgi"), []byte(pidApplication), 0o666); err != nil {
		t.Fatal(err)
	}
	return start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--threads", "2"}, args...))
}

// TestRestartLosesNothing replaces the workers several times while clients keep coming: each of them is answered.
func TestRestartLosesNothing(t *testing.T) {
	t.Parallel()
	g := startPids(t)
	c := gather(t, g, 4)
	for n := 1; n <= 4; n++ {
		c.others(t, n)
		if err := g.signal(syscall.SIGHUP, "supervisor"); err != nil {
			t.Fatal(err)
		}
	}
	c.others(t, 5)
	c.leave()
	if n := c.refused.Load(); n != 0 {
		t.Errorf("%d of %d requests were not answered", n, c.asked.Load())
	}
}

// TestCrashLosesLittle kills the worker while clients keep coming. What it had accepted is lost, at most one request of
// each client; those that come while there is no worker wait for the next one.
func TestCrashLosesLittle(t *testing.T) {
	t.Parallel()
	const kills = 2
	g := startPids(t)
	c := gather(t, g, 4)
	for n := 1; n <= kills; n++ {
		c.others(t, n)
		if err := g.signal(syscall.SIGKILL, "workers"); err != nil {
			t.Fatal(err)
		}
	}
	c.others(t, kills+1)
	c.leave()
	if n := c.refused.Load(); n > kills*int64(c.clients) {
		t.Errorf("%d of %d requests were not answered, for %d kills and %d clients", n, c.asked.Load(), kills, c.clients)
	}
}
