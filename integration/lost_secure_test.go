package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSecureRestartLosesNothing(t *testing.T) { t.Parallel(); secureRestartLosesNothing(t, few) }
func TestSecureOptionsLoseNothing(t *testing.T)  { t.Parallel(); secureOptionsLoseNothing(t, few) }

func TestSecureKillLosesLittle(t *testing.T) { t.Parallel(); secureKillLosesLittle(t, few) }

func TestSoakSecureRestartLosesNothing(t *testing.T) { soak(t); secureRestartLosesNothing(t, many) }
func TestSoakSecureOptionsLoseNothing(t *testing.T)  { soak(t); secureOptionsLoseNothing(t, many) }
func TestSoakSecureKillLosesLittle(t *testing.T)     { soak(t); secureKillLosesLittle(t, many) }

// secureCrowd starts gild with crowdApplication and HTTPS.
func secureCrowd(t *testing.T, args ...string) *gild {
	t.Helper()
	s := prepareSecure(t, "")
	deploy(t, s.dir, 1)
	return s.begin(args...).gild
}

// secureRestartLosesNothing replaces the processes by USR1 while clients come by HTTPS: each request is answered. In embedded
// mode these are the processes that have the connections, which have to move to the next.
func secureRestartLosesNothing(t *testing.T, r rounds) {
	everywhere(t, func(t *testing.T, args []string) {
		g := secureCrowd(t, append([]string{"--processes", "2"}, args...)...)
		before := g.running(2)
		c := gather(t, g, r.clients, secureManners...)
		r.each(func(int) {
			c.served(before)
			g.tell(syscall.SIGUSR1, "supervisor")
			before = g.replaced(before)
		})
		c.served(before)
		c.lostNothing()
		spoken(t, g)
	})
}

// secureOptionsLoseNothing changes the options and sends HUP: each time another front has the connections.
func secureOptionsLoseNothing(t *testing.T, r rounds) {
	everywhere(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		change := func(n int) { write(t, dir, "options", fmt.Sprintf("--setenv ROUND %d\n", n)) }
		change(0)
		g := secureCrowd(t, append([]string{"--options-file", filepath.Join(dir, "options")}, args...)...)
		before := g.running(1)
		c := gather(t, g, r.clients, secureManners...)
		r.each(func(n int) {
			c.served(before)
			change(n)
			g.tell(syscall.SIGHUP, "supervisor")
			before = g.replaced(before)
		})
		c.served(before)
		c.lostNothing()
		spoken(t, g)
	})
}

// secureKillLosesLittle kills a daemon: that is 502, or the reset of one stream, for what was in it, and for nothing else on
// the same connection.
func secureKillLosesLittle(t *testing.T, r rounds) {
	g := secureCrowd(t, "--processes", "2")
	killsLoseLittle(t, r, g, secureThreads, secureManners)
	spoken(t, g)
}

// spoken checks that the crowd came by each protocol, so that this is about all of them.
func spoken(t *testing.T, g *gild) {
	t.Helper()
	text := g.access()
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		if n := strings.Count(text, version+`" 200 `); n < 10 {
			t.Errorf("%d requests were made by %s", n, version)
		}
	}
}
