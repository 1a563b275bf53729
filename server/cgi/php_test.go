package cgi

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gild/logs"
)

// startTestPHP starts a php-cgi, which the test needs, and returns the request for a script.
func startTestPHP(t testing.TB, processes int, script string) (*PHP, *Request) {
	t.Helper()
	program, err := exec.LookPath("php-cgi")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("php-cgi is not installed; in CI it must be there: `make test` installs it")
	}
	if err != nil {
		t.Skip("php-cgi is not installed: run this with `make test`, which installs it")
	}
	file := filepath.Join(t.TempDir(), "script.php")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	php, err := StartPHP(PHPOptions{Program: program, Processes: processes, Timeout: patience, Log: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	return php, &Request{File: file, Idempotent: true, Stderr: func(string) {}, Environ: []string{"SCRIPT_FILENAME=" + file,
		"REQUEST_METHOD=GET", "REQUEST_URI=/script.php", "SERVER_PROTOCOL=HTTP/1.1", "GATEWAY_INTERFACE=CGI/1.1"}}
}

type discard struct{}

func (discard) Enabled(logs.Level) bool { return false }
func (discard) Log(logs.Record)         {}

// ask is one request, whose body is returned.
func ask(t testing.TB, php *PHP, q *Request) string {
	out, err := php.Run(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\r\n\r\n")
	return body
}

// TestPHPLeavesNothing: after Close no process is left, and no goroutine, descriptor or file of ours.
func TestPHPLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	php, q := startTestPHP(t, 2, "<?php echo getmypid();")
	pid := ask(t, php, q)
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("files while it runs: %v", left)
	}
	php.Close()
	until(t, "the end of php-cgi", func() bool { _, err := os.Stat("/proc/" + pid); return err != nil })
	const spawner = 1 // which starts programs as long as this process lives
	until(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= goroutines+spawner })
	if now := descriptors(t); now > files {
		t.Errorf("%d descriptors are open, %d were before", now, files)
	}
}

func descriptors(t *testing.T) int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestPHPRecycles: processes that end after their number of requests cost nobody a request.
func TestPHPRecycles(t *testing.T) {
	t.Setenv("PHP_FCGI_MAX_REQUESTS", "3")
	php, q := startTestPHP(t, 1, "<?php echo getmypid();")
	defer php.Close()
	pids := map[string]bool{}
	for range 20 {
		pids[ask(t, php, q)] = true
	}
	if len(pids) < 5 {
		t.Errorf("%d processes have served 20 requests, 3 at most each", len(pids))
	}
}

// BenchmarkPHP compares a connection that is kept with one for each request.
func BenchmarkPHP(b *testing.B) {
	for name, kept := range map[string]bool{"kept": true, "new": false} {
		b.Run(name, func(b *testing.B) {
			php, q := startTestPHP(b, 1, "<?php echo 'hello';")
			defer php.Close()
			q.Idempotent = kept
			ask(b, php, q)
			for b.Loop() {
				ask(b, php, q)
			}
		})
	}
}

// TestPHPNotThere: a php-cgi that cannot be started is tried again and again, and requests are refused meanwhile.
func TestPHPNotThere(t *testing.T) {
	php, err := StartPHP(PHPOptions{Program: "/no/such/php-cgi", Processes: 1, Timeout: time.Second, Log: discard{}})
	if err != nil {
		t.Fatal(err)
	}
	defer php.Close()
	until(t, "a refusal", func() bool {
		_, err := php.Run(context.Background(), &Request{Stderr: func(string) {}})
		e, ok := err.(*Error)
		return ok && e.Status == 503
	})
}
