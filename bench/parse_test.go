package main

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "41 (a (b) c) S 7 41 40 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 5 0 987 1 2"
	got, err := parseStat(line)
	want := process{PID: 41, Parent: 7, Group: 41, CPU: 110 * tick, Start: 987}
	if err != nil || got != want {
		t.Errorf("parseStat = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "41", ") (", "41 (a) S 7", "x (a) S 7 41 40 0 -1 0 1 2 3 4 11 22 33 44 20 0 5 0 987"} {
		if p, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %+v without an error", bad, p)
		}
	}
}

func TestParsePSS(t *testing.T) {
	text := "55e-7ff ---p 00000000 00:00 0 [rollup]\nRss:  900 kB\nPss:  123 kB\nPss_Dirty: 7 kB\n"
	if got := parsePSS([]byte(text)); got != 123<<10 {
		t.Errorf("parsePSS = %d, want %d", got, 123<<10)
	}
	if got := parsePSS(nil); got != 0 {
		t.Errorf("parsePSS of a zombie = %d, want 0", got)
	}
}

func TestParseBusyLeavesIdleOut(t *testing.T) {
	if got, want := parseBusy("cpu  1 2 4 1000 1000 8 16 32 1000 1000\ncpu0 9 9\n"), 63*tick; got != want {
		t.Errorf("parseBusy = %v, want %v", got, want)
	}
}

func TestParseTally(t *testing.T) {
	out := "Running 1s test\n  12 requests in 1.00s\n" +
		"tally requests=12 duration_us=2000000 p50_us=90 p99_us=1500 connect=1 read=2 write=3 status=4 timeout=5\n"
	want := tally{Requests: 12, Duration: 2 * time.Second, P50: 90 * time.Microsecond, P99: 1500 * time.Microsecond,
		Connect: 1, Read: 2, Write: 3, Bad: 4, TimedOut: 5}
	got, err := parseTally(out)
	if err != nil || got != want {
		t.Errorf("parseTally = %+v, %v; want %+v", got, err, want)
	}
	if got.rate() != 6 || got.failures() != 15 {
		t.Errorf("rate %v, failures %d; want 6 and 15", got.rate(), got.failures())
	}
	for _, bad := range []string{"", "unable to connect to 127.0.0.1", "\ntally requests=1", "\ntally requests=x duration_us=1"} {
		if got, err := parseTally(bad); err == nil {
			t.Errorf("parseTally(%q) = %+v without an error", bad, got)
		}
	}
}

func TestOptionsThatLeaveSomethingOutSpareTheCommittedTable(t *testing.T) {
	at := places{Root: "/r", Work: "/r/bench/scratch"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "/r/bench/RESULTS.md"},
		{[]string{"-rounds", "5", "-seconds", "10"}, "/r/bench/RESULTS.md"},
		{[]string{"-quick"}, "/r/bench/scratch/TABLE.md"},
		{[]string{"-servers", daemon}, "/r/bench/scratch/TABLE.md"},
		{[]string{"-conns", "64"}, "/r/bench/scratch/TABLE.md"},
		{[]string{"-mixture=false"}, "/r/bench/scratch/TABLE.md"},
		{[]string{"-processes=false"}, "/r/bench/scratch/TABLE.md"},
		{[]string{"-quick", "-out", "x.md"}, "x.md"},
	} {
		o, err := parseOptions(c.args)
		if err != nil || o.out(at) != c.want {
			t.Errorf("%q goes to %s (%v), want %s", c.args, o.out(at), err, c.want)
		}
	}
}

func TestOptionsChoose(t *testing.T) {
	o, err := parseOptions([]string{"-servers", "uwsgi,gild-daemon", "-cases", "flask", "-conns", "1,8"})
	if err != nil || !reflect.DeepEqual(o.Connections, []int{1, 8}) || !reflect.DeepEqual(o.Cases, []string{"flask"}) {
		t.Errorf("options %+v, %v", o, err)
	}
	// The table keeps its own order.
	if got := names(pick(servers(), o.Servers)); !reflect.DeepEqual(got, []string{daemon, "uwsgi"}) {
		t.Errorf("servers %q", got)
	}
	if b := (&bench{options: o}); !reflect.DeepEqual(b.connections(workloads()[0]), []int{1, 8}) {
		t.Errorf("-conns 1,8 measures %v", b.connections(workloads()[0]))
	}
	for _, args := range [][]string{{"-rounds", "0"}, {"-seconds", "0"}, {"-cold", "-1"}, {"hello"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestEveryCaseIsMeasuredWhereTheGoalsAre(t *testing.T) {
	var b bench
	for _, w := range workloads() {
		if !slices.Contains(b.connections(w), goalConnections) {
			t.Errorf("%s is measured at %v connections, not at %d", w.Name, b.connections(w), goalConnections)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("41 (a (b) c) S 7 41 40 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 5 0 987 1 2")
	f.Add(")(")
	f.Fuzz(func(t *testing.T, line string) {
		if p, err := parseStat(line); err != nil && p != (process{}) {
			t.Errorf("an error and figures: %+v", p)
		}
	})
}

func FuzzParseTally(f *testing.F) {
	f.Add("\ntally requests=1 duration_us=1 p50_us=1 p99_us=1 connect=0 read=0 write=0 status=0 timeout=0\n")
	f.Fuzz(func(t *testing.T, out string) {
		if got, err := parseTally(out); err == nil && got.Duration == 0 {
			t.Errorf("%q has no duration and no error", out)
		}
	})
}
