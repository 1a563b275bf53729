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
	return []goal{
		{"hello, 64 connections: at most 17 µs of CPU per request", cpuAtMost(17)},
		{"hello, 64 connections: at least 2.5 times Apache embedded", faster("hello", "apache-embedded", 2.5)},
		{"hello, 64 connections: at least 5 times Apache daemon (1 process, 15 threads)", faster("hello", "apache-daemon-15", 5)},
		{"hello, 64 connections: at least 5 times Apache daemon (1 process, 5 threads)", faster("hello", "apache-daemon-5", 5)},
		{"hello, 64 connections: p99 at most 4 times p50", evenAtMost(4)},
		{"hello, 64 connections: a fresh connection is answered in less than 5 ms (median)", freshBelow(5 * time.Millisecond)},
		{"Flask, 64 connections: at least 1.5 times gunicorn gthread", faster("flask", "gunicorn-gthread", 1.5)},
		{"Django, 64 connections: at least 1.5 times gunicorn gthread", faster("django", "gunicorn-gthread", 1.5)},
		{"cold start to the first 200 in less than 150 ms", coldBelow(150 * time.Millisecond)},
	}
}

// goalConnections is where the goals are measured.
const goalConnections = 64

func hello(r *results) (row, bool) {
	out, ok := r.row("hello", reference, goalConnections)
	return out, ok && out.Rounds > 0
}

func cpuAtMost(limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r)
		return fmt.Sprintf("%.1f µs", h.CPU), h.CPU <= limit, known
	}
}

func faster(workload, server string, limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		ratio := r.ratio(workload, server, goalConnections)
		return fmt.Sprintf("%.2f times", ratio), ratio >= limit, ratio > 0
	}
}

func evenAtMost(limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r)
		ratio := h.P99.Seconds() / h.P50.Seconds()
		return fmt.Sprintf("%.1f times (%s, %s)", ratio, short(h.P50), short(h.P99)), ratio <= limit, known
	}
}

func freshBelow(limit time.Duration) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		h, known := hello(r)
		wait, answered := h.Fresh.median()
		return freshText(h.Fresh), answered && wait < limit && h.Fresh.Unanswered == 0, known
	}
}

func coldBelow(limit time.Duration) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		took := median(r.Cold[reference])
		return short(took), took < limit, took > 0
	}
}
