package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// rounds is how often something is done to a gild under load, and how much load that is: a few times with a few clients, or
// in make soak for a minute, every two seconds.
type rounds struct {
	clients int // of each manner
	times   int
	length  time.Duration
}

var (
	few  = rounds{clients: 2, times: 4}
	many = rounds{clients: 10, length: time.Minute}
)

// each calls do, which must wait until gild is as it was before.
func (r rounds) each(do func(round int)) {
	end, tick := time.Now().Add(r.length), time.NewTicker(2*time.Second)
	defer tick.Stop()
	for n := 1; n <= r.times || time.Now().Before(end); n++ {
		if r.length > 0 {
			<-tick.C
		}
		do(n)
	}
}

func TestRestartLosesNothing(t *testing.T) { t.Parallel(); restartLosesNothing(t, few) }
func TestReloadLosesNothing(t *testing.T)  { t.Parallel(); reloadLosesNothing(t, few) }
func TestOptionsLoseNothing(t *testing.T)  { t.Parallel(); optionsLoseNothing(t, few) }
func TestRenewalLosesNothing(t *testing.T) { t.Parallel(); renewalLosesNothing(t, few) }
func TestKillLosesLittle(t *testing.T)     { t.Parallel(); killLosesLittle(t, few) }

func TestSoakRestartLosesNothing(t *testing.T) { soak(t); restartLosesNothing(t, many) }
func TestSoakReloadLosesNothing(t *testing.T)  { soak(t); reloadLosesNothing(t, many) }
func TestSoakOptionsLoseNothing(t *testing.T)  { soak(t); optionsLoseNothing(t, many) }
func TestSoakRenewalLosesNothing(t *testing.T) { soak(t); renewalLosesNothing(t, many) }
func TestSoakKillLosesLittle(t *testing.T)     { soak(t); killLosesLittle(t, many) }

// restartLosesNothing replaces the processes by USR1 to the supervisor while clients keep coming: each is answered.
func restartLosesNothing(t *testing.T, r rounds) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			g := startCrowd(t, append([]string{"--processes", "2"}, place.args...)...)
			before := g.running(2)
			c := gather(t, g, r.clients, manners...)
			r.each(func(int) {
				c.served(before)
				g.tell(syscall.SIGUSR1, "supervisor")
				before = g.replaced(before)
			})
			c.served(before)
			c.lostNothing()
		})
	}
}

// optionsLoseNothing changes the options and sends HUP: each time front and daemons are replaced by a new generation.
func optionsLoseNothing(t *testing.T, r rounds) {
	options := filepath.Join(t.TempDir(), "options")
	change := func(n int) {
		if err := os.WriteFile(options, fmt.Appendf(nil, "--setenv ROUND %d\n", n), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	change(0)
	g := startCrowd(t, "--options-file", options)
	before := g.running(1)
	c := gather(t, g, r.clients, manners...)
	r.each(func(n int) {
		c.served(before)
		change(n)
		g.tell(syscall.SIGHUP, "supervisor")
		before = g.replaced(before)
	})
	c.served(before)
	c.lostNothing()
}

// reloadLosesNothing puts a new version of the script in place: each request that is sent afterwards is answered by it.
func reloadLosesNothing(t *testing.T, r rounds) {
	g := startCrowd(t, "--processes", "2")
	before := g.running(2)
	c := gather(t, g, r.clients, manners...)
	version := int64(1)
	r.each(func(int) {
		c.served(before)
		version++
		deploy(t, g.dir, version)
		c.version.Store(version)
		before = g.replaced(before)
	})
	c.served(before)
	c.lostNothing()
}

// renewalLosesNothing lets each process serve fifty requests only.
func renewalLosesNothing(t *testing.T, r rounds) {
	g := startCrowd(t, "--processes", "2", "--maximum-requests", "50")
	c := gather(t, g, r.clients, manners...)
	r.each(func(n int) {
		err := retry(func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.pids) < 3*n {
				return fmt.Errorf("%d processes have answered, want %d", len(c.pids), 3*n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	c.lostNothing()
}

// killLosesLittle kills a daemon with SIGKILL. A request is only lost if a thread had begun with it, so that they are few,
// and its client is told: 502 or a torn response. No request reaches the application twice.
func killLosesLittle(t *testing.T, r rounds) {
	killsLoseLittle(t, r, startCrowd(t, "--processes", "2"), 2, manners)
}

// killsLoseLittle kills one of two daemons, which have so many threads, again and again.
func killsLoseLittle(t *testing.T, r rounds, g *gild, threads int, manners []manner) {
	const processes = 2
	pids := g.running(processes)
	c := gather(t, g, r.clients, manners...)
	kills := 0
	r.each(func(int) {
		c.served(pids)
		victim := pids[rand.IntN(processes)]
		g.tell(syscall.SIGKILL, fmt.Sprint(victim))
		kills++
		pids = g.running(processes, victim)
	})
	c.served(pids)
	c.leave()
	begun := c.begun()
	for number, how := range c.lost {
		if how.status != 502 && !how.torn {
			t.Errorf("request %d, begun %d times: %v", number, begun[number], how.err)
		}
	}
	for number, times := range begun {
		if times != 1 {
			t.Errorf("request %d reached the application %d times", number, times)
		}
	}
	if len(c.lost) > kills*threads {
		t.Errorf("%d requests were lost by %d kills of a process with %d threads", len(c.lost), kills, threads)
	}
}
