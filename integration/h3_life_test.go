package integration

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// rejected is H3_REQUEST_REJECTED, RFC 9114 section 8.1: the client may repeat what was answered so.
const rejected = 0x10b

// TestH3Stop ends gild: what is in the application is answered, what comes afterwards is rejected, and then the connection
// is closed.
func TestH3Stop(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		c.do("request", "a", command{"id": 1, "path": "/gate"})
		s.begun(1)
		s.tell(syscall.SIGTERM, "supervisor")
		c.await("a", "goaway")
		c.isRejected("a", 2)
		s.open()
		if got := c.answer("a", 1); got.body != "first second" || got.how != "end" {
			t.Errorf("the request that was being served: %s", got)
		}
		c.await("a", "closed")
		if status, err := s.wait(); status != "0" || err != nil {
			t.Errorf("exit status %s, %v", status, err)
		}
	})
}

// TestH3Generations changes the options: the old generation finishes what it has, beside the new one, which serves new
// connections at once.
func TestH3Generations(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		options := filepath.Join(t.TempDir(), "options")
		write(t, filepath.Dir(options), "options", "--setenv ROUND 1\n")
		s := startSecure(t, append([]string{"--options-file", options}, args...)...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("old")
		c.do("request", "old", command{"id": 1, "path": "/gate"})
		s.begun(1)
		write(t, filepath.Dir(options), "options", "--setenv ROUND 2\n")
		s.tell(syscall.SIGHUP, "supervisor")
		c.await("old", "goaway")
		c.isRejected("old", 2)
		c.connected("new")
		for id := range 20 {
			if got := c.get("new", id, "/new"); got.body != "GET HTTP/3.0 https /new 0 2" {
				t.Errorf("the new generation answered %s", got)
			}
		}
		s.open()
		if got := c.answer("old", 1); got.body != "first second" || got.how != "end" {
			t.Errorf("the old generation answered %s", got)
		}
		c.await("old", "closed")
	})
}

// TestH3Restart replaces the processes that run Python by USR1. In daemon mode the connections are those of another process,
// and stay.
func TestH3Restart(t *testing.T) {
	t.Run("daemon", func(t *testing.T) {
		t.Parallel()
		s := startSecure(t)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		before := s.running(1)
		s.tell(syscall.SIGUSR1, "supervisor")
		s.replaced(before)
		if got := c.get("a", 1, "/after"); got.status != 200 || len(c.closed()) > 0 {
			t.Errorf("after the restart: %s; closed: %v", got, c.closed())
		}
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		s := startSecure(t, "--embedded-mode")
		c := newH3Client(t, s.gild, s.ca)
		c.connected("old")
		c.do("request", "old", command{"id": 1, "path": "/gate"})
		s.begun(1)
		s.tell(syscall.SIGUSR1, "supervisor")
		c.await("old", "goaway")
		c.connected("new")
		if got := c.get("new", 1, "/after"); got.status != 200 {
			t.Errorf("the new process answered %s", got)
		}
		s.open()
		if got := c.answer("old", 1); got.body != "first second" || got.how != "end" {
			t.Errorf("the old process answered %s", got)
		}
	})
}

// TestH3Killed kills the process that has the connections. The next one knows nothing of them, and says so at once instead of
// letting the client wait; sessions can be resumed with it.
func TestH3Killed(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("old")
		c.await("old", "ticket")
		if got := c.get("old", 1, "/before"); got.status != 200 {
			t.Fatalf("before: %s", got)
		}
		victim := s.family()[0]
		s.tell(syscall.SIGKILL, fmt.Sprint(victim.pid))
		s.until("the next "+victim.role, func() bool {
			list := s.members(victim.role)
			return len(list) == 1 && list[0] != victim.pid
		})
		c.connect("new", command{"resume": "old"})
		if e := c.await("new", "connected", "closed"); !e.Resumed {
			t.Errorf("the session was not resumed: %+v", e)
		}
		c.do("request", "old", command{"id": 2, "path": "/after"})
		if e := c.await("old", "closed"); e.How != "stateless reset" {
			t.Errorf("the connection of the dead process ended by %q", e.How)
		}
		if got := c.get("new", 1, "/after"); got.status != 200 {
			t.Errorf("after: %s", got)
		}
	})
}

// isRejected sends a request on a connection that has got GOAWAY, and expects to be told that nobody has looked at it.
func (c *h3client) isRejected(conn string, id int) {
	c.t.Helper()
	c.do("request", conn, command{"id": id, "path": "/late"})
	got := c.find("rejection", func(e h3event) bool { return e.Conn == conn && e.ID == id && e.Event == "reset" })
	if got.Code != rejected {
		c.t.Errorf("a request after GOAWAY was reset with code %#x", got.Code)
	}
}
