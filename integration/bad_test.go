package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestImpossibleValues starts gild with values that cannot be: each is an error that names the option, and exit status 2.
func TestImpossibleValues(t *testing.T) {
	for _, args := range []string{
		"--processes 0", "--processes -1", "--processes many", "--threads 0", "--threads -1", "--maximum-requests -1",
		"--user no-such-user-here", "--group no-such-group-here", "--request-timeout -1", "--queue-timeout nan",
		"--shutdown-timeout inf", "--rss-limit -5", "--memory-limit much", "--cpu-priority 40", "--daemon-backlog 0",
		"--minimum-spare-workers 1.5", "--response-buffer-size 100", "--header-buffer-size 100",
		"--options-file no-such-file", "--server-mpm threaded", "--metrics-address nowhere",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", waitingApplication)
			g := launch(t, dir, nil, append([]string{"start-server", "app.wsgi"}, strings.Fields(args)...))
			t.Cleanup(g.stop)
			option, value, _ := strings.Cut(args, " ")
			status, err := g.wait()
			said := g.stderr.String()
			if err != nil || status != "2" || !strings.Contains(said, option) || !strings.Contains(said, value) {
				t.Errorf("exit status %s, %v, want 2 and a complaint about %s; stderr:\n%s", status, err, args, said)
			}
		})
	}
}

// TestFullDisk has the log files on a disk without room: gild serves all the same.
func TestFullDisk(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			full := filepath.Join(dir, "full")
			if err := os.Mkdir(full, 0o777); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"error_log", "access_log"} {
				if err := os.Symlink("/dev/full", filepath.Join(full, name)); err != nil {
					t.Fatal(err)
				}
			}
			g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--access-log", "--log-directory", full},
				place.args...))
			for range 20 {
				if _, err := g.get("/"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// sample is a line of Prometheus' text format that is not a comment.
var sample = regexp.MustCompile(`^gild_[a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (\+?[0-9.e+-]+|NaN|\+Inf)$`)

// TestMetricsAddress reads what a Prometheus would read, from a port that has nothing else.
func TestMetricsAddress(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
			g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--metrics-address", address}, place.args...))
			if _, err := g.get("/"); err != nil {
				t.Fatal(err)
			}
			text, err := get("http://" + address + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "# ") && !sample.MatchString(line) {
					t.Errorf("%q is not a sample", line)
				}
			}
			if !regexp.MustCompile(`(?m)^gild_[a-z_]*requests_total.* [1-9]`).MatchString(text) {
				t.Errorf("no request was counted:\n%s", text)
			}
			if text, err := get("http://" + address + "/"); err == nil && strings.HasPrefix(text, "[]") {
				t.Error("the application answers at the address of the metrics")
			}
		})
	}
}
