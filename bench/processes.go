package main

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// compare measures every way of every comparison, in rounds of their own. The samples stand beside those of the table:
// their case is the comparison, their server the way.
func (b *bench) compare(ctx context.Context, out *results) {
	for round := range b.Rounds {
		for _, c := range comparisons() {
			for i := range c.Ways {
				w := c.Ways[(i+round)%len(c.Ways)]
				s, err := b.try(ctx, c, w)
				s.Round, s.Case, s.Server, s.Connections = round, c.Name, w.Name, w.Connections
				out.Samples = append(out.Samples, b.noted(s, err))
			}
		}
	}
}

// try measures one way once, on a freshly started server.
func (b *bench) try(ctx context.Context, c comparison, w way) (sample, error) {
	srv := gild(w.Name, "", w.Options...)
	r, err := b.warm(ctx, srv, c.workload)
	if r != nil {
		defer b.stop(srv, r)
	}
	if err != nil {
		return sample{}, err
	}
	l := load{r.endpoint(), w.Connections, b.Seconds * c.Length, c.Request}
	run := func() (tally, error) { return l.exact(ctx, l.length(), c.Want), nil }
	if !w.Restarted {
		return b.cell(ctx, r, l, run)
	}
	renewed := make(chan int, 1)
	go func() { renewed <- restart(ctx, r, l.length()) }()
	s, err := b.cell(ctx, r, l, run)
	s.Renewed = <-renewed
	return s, err
}

// restart asks the server every restartInterval to renew its processes, beside a load of the given length that starts
// now. It returns after how many signals other processes were there when the next turn came: a server that ignores the signal
// must not pass for one that loses nothing by it.
func restart(ctx context.Context, r *running, length time.Duration) int {
	end := time.After(length)
	var seen renewals
	for range ticks(ctx, restartInterval, length-restartInterval/4) {
		seen.look(processesOf(r.first()))
		_ = r.programs[0].Process.Signal(syscall.SIGUSR1) // a server that is gone fails the load
	}
	select {
	case <-end: // until then the last renewal may take
	case <-ctx.Done():
	}
	seen.look(processesOf(r.first()))
	return seen.count
}

// renewals counts how often a look finds other processes than the one before it. The first look finds nothing new.
type renewals struct {
	before []process
	count  int
}

func (n *renewals) look(now []process) {
	if n.before != nil && !isSame(n.before, now) {
		n.count++
	}
	n.before = now
}

// comparison is the table of the ways.
func (p *page) comparison(r *results, c comparison) {
	var rows [][]string
	for _, w := range c.Ways {
		if row, ok := r.row(c.Name, w.Name, w.Connections); ok {
			rows = append(rows, w.columns(row))
		}
	}
	if len(rows) == 0 {
		return
	}
	p.line("\n## %s: %s", c.Name, c.About)
	p.table("gild", "options", "connections", "requests/s", "CPU per request", "p50", "p99", "worst", "fresh connection", "errors", "renewed")
	for _, columns := range rows {
		p.cellsOf(columns...)
	}
}

func (w way) columns(r row) []string {
	first := []string{w.Name, strings.Join(w.Options, " "), fmt.Sprint(w.Connections)}
	if r.Rounds == 0 {
		return append(first, "failed: `"+strings.ReplaceAll(r.Err, "\n", " / ")+"`", "", "", "", "", "", "", "")
	}
	renewed := ""
	if w.Restarted {
		renewed = fmt.Sprintf("%d times", r.Renewed)
	}
	return append(first, thousands(r.Rate), fmt.Sprintf("%.1f µs", r.CPU), short(r.P50), short(r.P99), short(r.Worst), freshText(r.Fresh),
		fmt.Sprint(r.Failures), renewed)
}

// noWorse is how far above the other a p99 may be: two equal ones differ by some percent from run to run.
const noWorse = 1.1 // the goals say 10%

func processGoals() []goal {
	return []goal{
		{"2 ms on the CPU: two processes answer at least 1.6 times as much as one", scales(1.6)},
		{"uneven requests, 8 connections: p99 of one queue no worse (10%) than of connections served by who accepted them",
			noLater(oneQueue, accepted, queueing)},
		{"uneven requests, 2 connections: p99 of one queue no worse (10%) than of connections with a process each",
			noLater(oneQueue, held, pairing)},
		{"hello, processes renewed every 2 s: no request fails", losesNothing},
	}
}

func scales(limit float64) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		ratio := r.ratio("cores", twoProcesses, oneProcess, computing, sample.rate)
		return fmt.Sprintf("%.2f times", ratio), ratio >= limit, ratio > 0
	}
}

func noLater(ours, theirs string, connections int) func(*results) (string, bool, bool) {
	return func(r *results) (string, bool, bool) {
		ratio := r.ratio("queue", ours, theirs, connections, func(s sample) float64 { return s.P99.Seconds() })
		a, _ := r.row("queue", ours, connections)
		b, _ := r.row("queue", theirs, connections)
		return fmt.Sprintf("%.2f times (%s, %s)", ratio, short(a.P99), short(b.P99)), ratio <= noWorse, ratio > 0
	}
}

// losesNothing counts what the load and the probe missed. Not one renewal seen is a failure too.
func losesNothing(r *results) (string, bool, bool) {
	with, known := r.row("restarts", restarted, goalConnections)
	without, _ := r.row("restarts", undisturbed, goalConnections)
	failed := with.Failures + with.Fresh.Unanswered
	figure := fmt.Sprintf("%d of %s failed, renewed %d times; p99 %s, %s without", failed, thousands(float64(with.Requests)),
		with.Renewed, short(with.P99), short(without.P99))
	return figure, failed == 0 && with.Renewed > 0, known && with.Rounds > 0
}
