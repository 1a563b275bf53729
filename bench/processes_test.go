package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCPUOfProcessesThatHaveGoneIsCounted(t *testing.T) {
	// The child computes until it finds the file; then it is reaped, and its parent says so.
	stop := filepath.Join(t.TempDir(), "stop")
	r, err := start(shell(`sh -c 'while [ ! -e "`+stop+`" ]; do :; done' & wait; echo 1; exec sleep 60`), places{}, "hello")
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	before := spent(t, r.first(), 5*tick)
	if err := os.WriteFile(stop, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	waitForNumber(t, r.outputFile())
	if list := processesOf(r.first()); len(list) != 1 {
		t.Fatalf("the child is still there: %+v", list)
	}
	if after := cpuOf(r.first()); after < before {
		t.Errorf("%v of CPU after the child was reaped, %v before", after, before)
	}
}

// spent waits until a server has spent some time on the CPU, and returns how much.
func spent(t *testing.T, first int, enough time.Duration) time.Duration {
	t.Helper()
	for range 1000 {
		if now := cpuOf(first); now >= enough {
			return now
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server does not compute")
	return 0
}

func TestSettledTakesTheLookThatNoProcessWentDuring(t *testing.T) {
	parent, child := process{PID: 1, CPU: 2}, process{PID: 2, CPU: 5}
	reaped := process{PID: 1, CPU: 7}
	later := process{PID: 1, CPU: 8}
	for _, c := range []struct {
		looks [][]process
		want  []process
	}{
		{[][]process{{parent, child}, {parent, child}, {parent, child}}, []process{parent, child}},
		// The child went after it was seen and before its parent was: counted twice in the second look.
		{[][]process{{parent, child}, {reaped, child}, {reaped}, {reaped}, {later}}, []process{reaped}},
		// It went after its parent was seen and before it was: not counted at all in the second look.
		{[][]process{{parent, child}, {parent}, {reaped}, {later}}, []process{reaped}},
	} {
		looks := c.looks
		got := settled(func() []process {
			next := looks[0]
			looks = looks[1:]
			return next
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%v of %v, want %v", got, c.looks, c.want)
		}
	}
}

func TestSettledGivesUpOnProcessesThatNeverDo(t *testing.T) {
	pid := 0
	if got := settled(func() []process { pid++; return []process{{PID: pid}} }); len(got) != 1 {
		t.Errorf("settled = %v", got)
	}
}

func TestRenewalsCountLooksThatFindOthers(t *testing.T) {
	a, b := []process{{PID: 1, Start: 10}, {PID: 2, Start: 11}}, []process{{PID: 1, Start: 10}, {PID: 3, Start: 12}}
	sameNumber := []process{{PID: 1, Start: 10}, {PID: 3, Start: 13}}
	var seen renewals
	for i, c := range []struct {
		now  []process
		want int
	}{{a, 0}, {a, 0}, {b, 1}, {b, 1}, {sameNumber, 2}, {a, 3}} {
		if seen.look(c.now); seen.count != c.want {
			t.Errorf("after look %d: %d renewals, want %d", i, seen.count, c.want)
		}
	}
}

func TestComparisonsHoldWhatTheGoalsAskFor(t *testing.T) {
	for _, g := range processGoals() {
		if _, _, known := g.Measure(measured()); !known {
			t.Errorf("%s: not measured although every way is", g.About)
		}
	}
}

// measured are figures for every way of every comparison.
func measured() *results {
	r := new(results)
	for _, c := range comparisons() {
		for _, w := range c.Ways {
			r.Samples = append(r.Samples, sample{Case: c.Name, Server: w.Name, Connections: w.Connections,
				tally: tally{Requests: 1, Duration: time.Second, P99: time.Millisecond}})
		}
	}
	return r
}

func TestRestartsThatWereNotSeenAreNoSuccess(t *testing.T) {
	if figure, reached, _ := losesNothing(measured()); reached || !strings.Contains(figure, "renewed 0 times") {
		t.Errorf("%q counts as reached", figure)
	}
}
