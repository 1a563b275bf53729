package main

import (
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("u", false, "rewrite testdata")

// figures are two rounds of invented samples: gild, a faster one that starves, and one that failed once.
func figures() *results {
	at := time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)
	cell := func(round int, server string, requests int, cpu time.Duration, f fresh) sample {
		return sample{Round: round, Connections: 64, Server: server, Case: "hello", CPU: cpu, PSS: 20e6, Fresh: f, Foreign: 0.01,
			tally: tally{Requests: requests, Duration: time.Second, P50: 700 * time.Microsecond, P99: 1300 * time.Microsecond}}
	}
	ms := time.Millisecond
	compared := func(name, way string, connections, requests int, p99 time.Duration) sample {
		return sample{Case: name, Server: way, Connections: connections, CPU: time.Second, Fresh: fresh{Waits: []time.Duration{ms}},
			tally: tally{Requests: requests, Duration: time.Second, P50: ms, P99: p99, Worst: 2 * p99}}
	}
	disturbed := compared("restarts", restarted, goalConnections, 45000, 4*ms)
	disturbed.Renewed, disturbed.TimedOut, disturbed.Fresh.Unanswered = 3, 1, 1
	return &results{
		About: about{Started: at, Finished: at.Add(90 * time.Second), CPU: "Test", Kernel: "Linux 1", Cores: 2, LoadBefore: "0.10",
			Rounds: 2, Seconds: 1, Command: "bench/run", Versions: []version{{"gild", "1"}},
			Setups: []setup{{embedded, "one process", "gild start-server --embedded-mode"}}},
		Missing: map[string]string{"gunicorn-sync": "not there"},
		Cold:    map[string][]time.Duration{embedded: {90 * ms, 80 * ms, 100 * ms}},
		Samples: []sample{
			cell(0, embedded, 60000, 900*ms, fresh{Waits: []time.Duration{ms, 2 * ms}}),
			cell(1, embedded, 50000, 800*ms, fresh{Waits: []time.Duration{ms, 4 * ms}}),
			cell(0, daemon, 40000, 900*ms, fresh{Waits: []time.Duration{ms, 2 * ms}}),
			cell(1, daemon, 50000, 950*ms, fresh{Waits: []time.Duration{ms, 4 * ms}}),
			cell(0, "apache-embedded", 20000, 800*ms, fresh{Waits: []time.Duration{2 * ms}}),
			cell(1, "apache-embedded", 20000, 900*ms, fresh{Waits: []time.Duration{3 * ms}}),
			cell(0, "uwsgi", 70000, 900*ms, fresh{Waits: []time.Duration{ms}, Unanswered: 4}),
			{Round: 1, Connections: 64, Server: "uwsgi", Case: "hello", Err: "it fell\nover"},
			compared("cores", oneProcess, computing, 480, 12*ms),
			compared("cores", twoProcesses, computing, 912, 8*ms),
			compared("queue", oneQueue, queueing, 1400, 9*ms),
			compared("queue", accepted, queueing, 1200, 48*ms),
			{Connections: pairing, Server: held, Case: "queue", Err: "no\nfree seat"},
			compared("restarts", undisturbed, goalConnections, 50000, 2*ms),
			disturbed,
		},
		Mixtures: []mixtureSample{
			{Server: embedded, About: "8 short", Short: tally{Requests: 9000, Duration: time.Second, P50: ms, P99: 2 * ms}},
			{Server: embedded, About: "8 short, 3 asleep", Short: tally{Requests: 7, Duration: time.Second}, Sleep: tally{Duration: time.Second}},
			{Server: embedded, About: "64 asleep", Sleep: tally{Requests: 99, Duration: time.Second, P50: 640 * ms, P99: 650 * ms}},
		},
	}
}

// secureFigures are two rounds of servers of the other group: gild, one that does not take part in a case, and one that
// failed.
func secureFigures() *results {
	r := figures()
	r.Missing, r.Cold, r.Mixtures, r.Samples = map[string]string{"net/http": "not there"}, nil, nil, nil
	for round := range 2 {
		cell := func(name, server string, requests int, before int64) sample {
			return sample{Round: round, Connections: 100, Server: server, Case: name, CPU: time.Second, PSS: 20e6, Before: before,
				tally: tally{Requests: requests, Duration: time.Second, P50: time.Millisecond, P99: 2 * time.Millisecond}}
		}
		r.Samples = append(r.Samples,
			cell("handshake", embedded, 6000, 0), cell("handshake", daemon, 5000, 0), cell("handshake", "nginx", 2500, 0),
			cell("h3", daemon, 9000, 0), sample{Round: round, Connections: 100, Server: "nginx", Case: "h3", Without: "nginx has no HTTP/3"},
			sample{Round: round, Connections: 100, Server: "caddy", Case: "h3", Err: "it fell\nover"},
			cell("idle", daemon, 100, 16e6), cell("idle", "nginx", 99, 18e6),
			sample{Round: round, Connections: 100, Server: "caddy", Case: "idle", Err: "it fell\nagain"})
	}
	return r
}

func TestReport(t *testing.T) {
	for file, got := range map[string]string{
		"testdata/report.md": render(groups()[0], figures()),
		"testdata/https.md":  render(groups()[1], secureFigures()),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("the report is not %s (%v); go test ./bench -u rewrites it. It is:\n%s", file, err, got)
		}
	}
}

func TestResultsSurviveTheirFile(t *testing.T) {
	file := t.TempDir() + "/results.json"
	if err := figures().save(file); err != nil {
		t.Fatal(err)
	}
	back, err := readResults(file)
	if err != nil || render(groups()[0], back) != render(groups()[0], figures()) {
		t.Errorf("the table of a saved run differs (%v)", err)
	}
}

// A round in which both were slow must not count for or against anyone.
func TestRatioIsTakenWithinARound(t *testing.T) {
	r := new(results)
	for round, speed := range []int{100, 10, 1} {
		for name, times := range map[string]int{embedded: 3, "uwsgi": 1} {
			r.Samples = append(r.Samples, sample{Round: round, Server: name, Case: "hello", Connections: 64,
				tally: tally{Requests: speed * times, Duration: time.Second}})
		}
	}
	if got := r.ratio("hello", embedded, "uwsgi", 64, sample.rate); got != 3 {
		t.Errorf("ratio %v, want 3", got)
	}
	if got := r.ratio("hello", daemon, "uwsgi", 64, sample.rate); got != 0 {
		t.Errorf("ratio %v to somebody who was not there, want 0", got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []int
		want   int
	}{{nil, 0}, {[]int{5}, 5}, {[]int{9, 1}, 1}, {[]int{9, 1, 5}, 5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %d, want %d", c.values, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		thousands(0): "0", thousands(999): "999", thousands(1000): "1 000", thousands(1234567): "1 234 567",
		short(53 * time.Microsecond): "53 µs", short(1234 * time.Microsecond): "1.23 ms", short(2 * time.Second): "2 s",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
