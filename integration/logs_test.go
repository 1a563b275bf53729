package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// numbered asks for /?N with each number from 1 to n, several at a time, and returns how many were answered with 200.
func numbered(g *gild, n int64, header http.Header) int64 {
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	var next, good atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				r, err := http.NewRequest("GET", g.url(fmt.Sprintf("/?%d", i)), nil)
				if err != nil {
					return
				}
				r.Header = header
				if answer, err := client.Do(r); err == nil {
					answer.Body.Close()
					if answer.StatusCode == http.StatusOK {
						good.Add(1)
					}
				}
			}
		})
	}
	all.Wait()
	return good.Load()
}

// accessLines counts the lines of the access log that have the form "begin NUMBER end", by number, and the others.
func accessLines(g *gild, end string) (counts map[string]int, torn []string) {
	counts = map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSuffix(g.access(), "\n"), "\n") {
		number, whole := strings.CutPrefix(line, "begin ?")
		number, ended := strings.CutSuffix(number, " "+end)
		if whole && ended {
			counts[number]++
		} else {
			torn = append(torn, line)
		}
	}
	return counts, torn
}

// TestRotationLosesNothing fills log files while gild is reloaded again and again: each request is in one of them, once and
// whole. The processes of several generations write at the same time.
func TestRotationLosesNothing(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--rotate-logs", "--max-log-size", "1",
				"--access-log", "--access-log-format", "begin %q %{Padding}i"}, place.args...))
			g.logged("resuming normal operations")
			const requests, reloads, size = 2000, 3, 2000
			padding := strings.Repeat("x", size)
			for range reloads {
				g.cmd.Process.Signal(syscall.SIGHUP)
				if good := numbered(g, requests, http.Header{"Padding": {padding}}); good != requests {
					t.Errorf("%d of %d requests were answered", good, requests)
				}
			}
			err := retry(func() error {
				counts, torn := accessLines(g, padding)
				for number, n := range counts {
					if n != reloads {
						return fmt.Errorf("request %s is there %d times", number, n)
					}
				}
				if len(counts) != requests || len(torn) > 0 {
					return fmt.Errorf("%d of %d requests, %d torn lines: %.100q", len(counts), requests, len(torn), torn)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if files, _ := filepath.Glob(filepath.Join(dir, "server", "access_log.*")); len(files) < 2 {
				t.Errorf("the access log was not rotated: %q", files)
			}
		})
	}
}

// fullDisks are ways to leave no room for the logs, in the middle of a line, and to give it back.
var fullDisks = map[string]func(t *testing.T, g *gild) (giveBack func()){
	"file size limit": limitFileSize,
	"full tmpfs":      fillDisk,
}

// limitFileSize allows the supervisor files of the length that the access log has, and ten bytes.
func limitFileSize(t *testing.T, g *gild) func() {
	var before unix.Rlimit
	if err := unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	limit := unix.Rlimit{Cur: uint64(len(g.access()) + 10), Max: before.Max}
	if err := unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// fillDisk takes what room is left beside the logs.
func fillDisk(t *testing.T, g *gild) func() {
	ballast := filepath.Join(g.dir, "logs", "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// mountDisk makes logs in dir a small disk. Only root can, and not in every container.
func mountDisk(t *testing.T, dir string) {
	path := filepath.Join(dir, "logs")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", path, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// TestDiskFullAndEmptied takes the room for logs away and gives it back: gild serves all the time, says once what happens and
// how much was lost, and each line that is there is whole.
func TestDiskFullAndEmptied(t *testing.T) {
	for name, fill := range fullDisks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", environApplication)
			if name == "full tmpfs" {
				mountDisk(t, dir)
			}
			g := start(t, dir, nil, []string{"start-server", "app.wsgi", "--log-directory", "$DIR/logs",
				"--access-log", "--access-log-format", "begin %q end"})
			const requests = 2000
			if good := numbered(g, 10, nil); good != 10 {
				t.Errorf("before: %d of 10 answered", good)
			}
			wants(t, func() bool { return strings.Count(g.access(), "\n") == 10 }, "the first requests are not logged")
			giveBack := fill(t, g)
			if good := numbered(g, requests, nil); good != requests {
				t.Errorf("without room: %d of %d answered", good, requests)
			}
			wants(t, func() bool { return strings.Count(g.stderr.String(), "Cannot write to the log file") > 0 }, "nothing was said")
			giveBack()
			wants(t, func() bool {
				numbered(g, 1, nil)
				return strings.Contains(g.log(), "access_log takes data again; ")
			}, "nothing was written any more")
			counts, torn := accessLines(g, "end")
			if len(torn) > 0 || counts["1"] < 2 {
				t.Errorf("torn lines %q; request 1 is there %d times", torn, counts["1"])
			}
		})
	}
}

// wants waits until something is so.
func wants(t *testing.T, is func() bool, complaint string) {
	t.Helper()
	if err := retry(func() error {
		if is() {
			return nil
		}
		return fmt.Errorf("%s", complaint)
	}); err != nil {
		t.Error(err)
	}
}
