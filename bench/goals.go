package main

import (
	"fmt"
	"time"
)

// A goal is a figure gild promises to reach.
type goal struct {
	About string
	// Measure gives the figure as text and whether it is good enough; known is false if the run lacks a cell of it.
	Measure func(r *results) (figure string, reached, known bool)
}

// goals are the promises; the numbers after the signs are their limits.
func goals() []goal {
	return append([]goal{
		{"embedded, hello: at most 17 µs of CPU per request", cpuAtMost(embedded, 17)},
		{"embedded, hello: at least 2.5 times Apache embedded", faster(embedded, "hello", "apache-embedded", 2.5)},
		{"embedded, hello: at least 5 times Apache daemon (1 process, 15 threads)", faster(embedded, "hello", "apache-daemon-15", 5)},
		{"embedded, hello: at least 5 times Apache daemon (1 process, 5 threads)", faster(embedded, "hello", "apache-daemon-5", 5)},
		{"embedded, hello: p99 at most 4 times p50", evenAtMost(embedded, 4)},
		{"embedded, hello: a fresh connection is answered in less than 5 ms (median)", freshBelow(embedded, 5*time.Millisecond)},
		{"embedded, Flask: at least 1.5 times gunicorn gthread", faster(embedded, "flask", "gunicorn-gthread", 1.5)},
		{"embedded, Django: at least 1.5 times gunicorn gthread", faster(embedded, "django", "gunicorn-gthread", 1.5)},
		{"embedded: cold start to the first 200 in less than 150 ms", coldBelow(embedded, 150*time.Millisecond)},
		{"daemon, hello: at most 21 µs of CPU per request", cpuAtMost(daemon, 21)},
		{"daemon, hello: at least 4 times Apache daemon (1 process, 15 threads)", faster(daemon, "hello", "apache-daemon-15", 4)},
		{"daemon, hello: at least 4 times Apache daemon (1 process, 5 threads)", faster(daemon, "hello", "apache-daemon-5", 4)},
	}, processGoals()...)
}

// goalConnections is where the goals of the table are measured.
const goalConnections = 64

func hello(r *results, server string) (row, bool) {
	out, ok := r.row("hello", server, goalConnections)
	return out, ok && out.Rounds > 0
}

func cpuAtMost(server string, limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r, server)
		return fmt.Sprintf("%.1f µs", h.CPU), h.CPU <= limit, known
	}
}

func faster(ours, workload, theirs string, limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		ratio := r.ratio(workload, ours, theirs, goalConnections, sample.rate)
		return fmt.Sprintf("%.2f times", ratio), ratio >= limit, ratio > 0
	}
}

func evenAtMost(server string, limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r, server)
		ratio := h.P99.Seconds() / h.P50.Seconds()
		return fmt.Sprintf("%.1f times (%s, %s)", ratio, short(h.P50), short(h.P99)), ratio <= limit, known
	}
}

func freshBelow(server string, limit time.Duration) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r, server)
		wait, answered := h.Fresh.median()
		return freshText(h.Fresh), answered && wait < limit && h.Fresh.Unanswered == 0, known
	}
}

func coldBelow(server string, limit time.Duration) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		took := median(r.Cold[server])
		return short(took), took < limit, took > 0
	}
}
