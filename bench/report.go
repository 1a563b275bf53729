package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// render turns the figures of a group into its part of the page bench/RESULTS.md.
func render(g group, r *results) string {
	var p page
	p.head(g, r)
	g.Render(&p, r)
	p.absent(g, r)
	p.setups(r)
	return p.String()
}

// http is the part about plain connections.
func (p *page) http(r *results) {
	p.line("%s", howToRead)
	p.goals(r)
	for _, w := range workloads() {
		p.cells(r, w, servers())
	}
	p.mixtures(r)
	for _, c := range comparisons() {
		p.comparison(r, c)
	}
	p.cold(r)
}

// page is Markdown in the making.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) table(columns ...string) {
	p.line("\n| %s |", strings.Join(columns, " | "))
	p.line("|%s", strings.Repeat("---|", len(columns)))
}

func (p *page) cellsOf(cells ...string) { p.line("| %s |", strings.Join(cells, " | ")) }

func (p *page) head(g group, r *results) {
	middle, worst := r.foreign()
	p.line("# %s\n", g.Title)
	p.line("Written by `%s` on %s, which took %v: %d rounds of %d s for each cell.", r.About.Command,
		r.About.Finished.UTC().Format("2 January 2006, 15:04 UTC"),
		r.About.Finished.Sub(r.About.Started).Round(time.Second), r.About.Rounds, r.About.Seconds)
	p.line("%d cores (%s), %s. Load average before the run %s; other processes took %.1f%% of the machine", r.About.Cores,
		r.About.CPU, r.About.Kernel, r.About.LoadBefore, 100*middle)
	p.line("during a measurement (median; %.1f%% in the worst).", 100*worst)
}

const howToRead = `
## How to read it

Client (wrk, one thread) and server share the machine, one server at a time; requests/s is what is left for the server
then. CPU per request is user and system time of all processes of the server, those that were replaced meanwhile too.
*Embedded is* and *daemon is* say how many times as many requests gild answers in its two placements, compared inside
each round. *Fresh connection* is a new connection opened every 100 ms beside the
load: the time until the head of its answer, median and worst of all rounds, and how many had none within 2 s (or
when the load ended). It is the figure to look at first: a server that gives each connection a thread for as
long as it lasts (uWSGI's own HTTP) serves five connections very fast and nobody else, so its requests/s at 64
connections is no service, and its p50 and p99 are those of the five. Errors are wrk's: connections refused, reads and
writes failed, answers above 399, answers after more than 2 s; Apache's event MPM makes some by closing kept-alive connections
whenever all its workers are busy. Memory is PSS: private pages and the share of the shared ones.

*cores*, *queue* and *restarts* compare ways to run gild under one load, in rounds of their own. The load is made by the
benchmark itself: dearer than wrk, so requests/s of hello are fewer, but every request is accounted for, and the times are
those of the requests sent (wrk adds, for a request that took long, those that its connection did not send meanwhile).
Where each connection has a process, all processes are taken, and nobody else is served: the fresh connections wait in
vain. *Renewed* says after how many of the signals the daemon processes were seen to be others.`

func (p *page) goals(r *results) {
	p.line("\n## What gild promises\n")
	p.line("At %d connections, unless it says otherwise.", goalConnections)
	p.table("promise", "measured", "")
	for _, g := range goals() {
		figure, reached, known := g.Measure(r)
		verdict := "**no**"
		if !known {
			figure, verdict = "not measured", ""
		} else if reached {
			verdict = "yes"
		}
		p.cellsOf(g.About, figure, verdict)
	}
}

// cells is the table of one case, a row for each number of connections and server.
func (p *page) cells(r *results, w workload, list []server) {
	rows := r.rows(w.Name, list)
	if len(rows) == 0 {
		return
	}
	p.line("\n## %s: %s", w.Name, w.About)
	counted := cmp.Or(w.Counted, "request")
	p.table("connections", "server", counted+"s/s", "embedded is", "daemon is", "CPU per "+counted, "p50", "p99", "fresh connection", "errors", "memory")
	for _, row := range rows {
		p.cellsOf(row.columns()...)
	}
	p.failures(rows)
}

// rows are the measured cells of a case, by connections, then in the order of the servers.
func (r *results) rows(workload string, list []server) []row {
	var counts []int
	for _, s := range r.Samples {
		counts = append(counts, s.Connections)
	}
	slices.Sort(counts)
	var rows []row
	for _, connections := range slices.Compact(counts) {
		for _, srv := range list {
			if row, ok := r.row(workload, srv.Name, connections); ok {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func (w row) columns() []string {
	first := []string{fmt.Sprint(w.Connections), w.Server}
	if w.Rounds == 0 {
		return append(first, cmp.Or(w.Without, "failed"), "", "", "", "", "", "", "", "")
	}
	return append(first, thousands(w.Rate), w.times(embedded, w.Embedded), w.times(daemon, w.Daemon),
		fmt.Sprintf("%.1f µs", w.CPU), short(w.P50), short(w.P99), freshText(w.Fresh), fmt.Sprint(w.Failures),
		fmt.Sprintf("%.0f MB", float64(w.PSS)/1e6))
}

// times is a ratio as text, blank where a server is compared with itself or with nobody.
func (w row) times(server string, ratio float64) string {
	if w.Server == server || ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f x", ratio)
}

func (p *page) mixtures(r *results) {
	if len(r.Mixtures) == 0 {
		return
	}
	p.line("\n## mixture: short requests beside slow ones\n")
	p.line("The slow ones take 50 ms, computing or asleep. Five threads that do nothing but sleep answer 100 requests/s.")
	p.table("connections", "server", "short/s", "p50", "p99", "computing/s", "asleep/s", "errors")
	for _, m := range mixtures() {
		for _, srv := range servers() {
			p.mixture(r, m, srv)
		}
	}
}

func (p *page) mixture(r *results, m mixture, srv server) {
	var list []mixtureSample
	for _, s := range r.Mixtures {
		if s.Server == srv.Name && s.About == m.About && s.Err == "" {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return
	}
	failures := 0
	for _, s := range list {
		failures += s.Short.failures() + s.Compute.failures() + s.Sleep.failures()
	}
	rate, p50, p99 := inRounds(list, m.Short, func(s mixtureSample) tally { return s.Short })
	computing, _, _ := inRounds(list, m.Compute, func(s mixtureSample) tally { return s.Compute })
	asleep, _, _ := inRounds(list, m.Sleep, func(s mixtureSample) tally { return s.Sleep })
	p.cellsOf(m.About, srv.Name, rate, p50, p99, computing, asleep, fmt.Sprint(failures))
}

// inRounds is one kind of request over the rounds. A kind without connections is left blank; one that was never
// answered has a rate of 0 and no times.
func inRounds(list []mixtureSample, connections int, of func(mixtureSample) tally) (rate, p50, p99 string) {
	if connections == 0 {
		return "", "", ""
	}
	perSecond := medianOf(list, func(s mixtureSample) float64 { return of(s).rate() })
	if perSecond == 0 {
		return "0", "", ""
	}
	return thousands(perSecond),
		short(medianOf(list, func(s mixtureSample) time.Duration { return of(s).P50 })),
		short(medianOf(list, func(s mixtureSample) time.Duration { return of(s).P99 }))
}

func (p *page) cold(r *results) {
	if len(r.Cold) == 0 {
		return
	}
	p.line("\n## cold start: from exec to the first good answer, asked for every millisecond")
	p.table("server", "median", "best", "worst")
	for _, srv := range servers() {
		if list := r.Cold[srv.Name]; len(list) > 0 {
			p.cellsOf(srv.Name, short(median(list)), short(slices.Min(list)), short(slices.Max(list)))
		}
	}
}

// absent names the servers that could not take part: they are never dropped in silence.
func (p *page) absent(g group, r *results) {
	if len(r.Missing) == 0 {
		return
	}
	p.line("\n## missing\n")
	for _, srv := range g.Servers {
		if why := r.Missing[srv.Name]; why != "" {
			p.line("- %s: %s", srv.Name, why)
		}
	}
}

func (p *page) setups(r *results) {
	p.line("\n## What was run\n")
	for _, v := range r.About.Versions {
		p.line("- %s: %s", v.Name, v.Text)
	}
	p.line("\nAccess logs are off everywhere. Configuration files are written by bench/apache.go and bench/proxies.go.")
	for _, s := range r.About.Setups {
		p.line("\n%s: %s\n\n    %s", s.Server, s.About, s.Command)
	}
}

// freshText is "median, worst N, M of K unanswered".
func freshText(f fresh) string {
	text := "most wait in vain"
	if wait, ok := f.median(); ok {
		text = short(wait) + ", worst " + short(f.Waits[len(f.Waits)-1])
	}
	if f.Unanswered > 0 {
		text += fmt.Sprintf(", **%d of %d unanswered**", f.Unanswered, f.Unanswered+len(f.Waits))
	}
	return text
}

// short is a time with three digits.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d.Microseconds())/1e3)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}

// thousands is a rate with a blank every three digits.
func thousands(rate float64) string {
	digits := fmt.Sprintf("%.0f", rate)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

func latencies(t tally) string {
	return fmt.Sprintf("%.0f/s p50 %s p99 %s", t.rate(), short(t.P50), short(t.P99))
}
