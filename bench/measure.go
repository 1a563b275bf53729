package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	options
	places
	log io.Writer // progress, a line per cell
}

// sample is one cell measured once.
type sample struct {
	Round, Connections int
	Server, Case       string
	tally
	CPU     time.Duration // spent by all processes of the server
	PSS     int64         // bytes, at the end, of all processes
	Before  int64         // the same before the load; of connections that wait only
	Fresh   fresh
	Renewed int     // how often the processes were replaced by others meanwhile, because we asked for it
	Foreign float64 // share of the machine's CPU taken by processes that are not ours; 0.02 and less is quiet
	Without string  // why the server cannot take part: nothing failed
	Err     string  // why there are no figures although it should
}

// perConnection is the memory that a connection took, in bytes.
func (s sample) perConnection() float64 {
	return float64(s.PSS-s.Before) / float64(max(s.Connections, 1))
}

// counts says whether there are figures.
func (s sample) counts() bool { return s.Err == "" && s.Without == "" }

// cpuPerRequest is in microseconds.
func (s sample) cpuPerRequest() float64 {
	return float64(s.CPU.Microseconds()) / float64(max(s.Requests, 1))
}

// measure runs everything the options ask for. The error is ctx's: a server that fails is a figure too.
func (b *bench) measure(ctx context.Context, g group) (*results, error) {
	out := &results{About: b.about(g), Missing: map[string]string{}, Cold: map[string][]time.Duration{}}
	g.Measure(b, ctx, b.present(g.Servers, out.Missing), out)
	out.About.Finished = time.Now()
	return out, ctx.Err()
}

// measureHTTP is everything on plain connections: the workloads, and what is compared in rounds of its own.
func (b *bench) measureHTTP(ctx context.Context, present []server, out *results) {
	b.coldStarts(ctx, present, out)
	for round := range b.Rounds {
		for _, w := range pick(workloads(), b.Cases) {
			for i := range present {
				srv := present[(i+round)%len(present)]
				out.Samples = append(out.Samples, b.visit(ctx, srv, w, round)...)
			}
		}
	}
	if b.Mixture {
		b.mixtures(ctx, present, out)
	}
	if b.Processes && slices.Contains(names(present), daemon) {
		b.compare(ctx, out)
	}
}

// present are the chosen servers that are installed; the others are noted with what they lack.
func (b *bench) present(all []server, missing map[string]string) []server {
	var list []server
	for _, srv := range pick(all, b.Servers) {
		if lack := srv.lacks(); lack != "" {
			missing[srv.Name] = lack + " is not there (see the output of bench/setup)"
			continue
		}
		list = append(list, srv)
	}
	return list
}

// lacks names the first file that the server needs and that does not exist.
func (srv server) lacks() string {
	for _, file := range srv.Needs {
		if _, err := os.Stat(file); err != nil {
			return file
		}
	}
	return ""
}

// visit measures one case on a freshly started server, at each number of connections in turn.
func (b *bench) visit(ctx context.Context, srv server, w workload, round int) []sample {
	r, err := b.warm(ctx, srv, w)
	if r != nil {
		defer b.stop(srv, r)
	}
	var list []sample
	for _, connections := range b.connections(w) {
		s, failure := sample{}, err
		if err == nil {
			l := load{r.endpoint(), connections, b.Seconds, w.Request}
			s, failure = b.cell(ctx, r, l, func() (tally, error) { return l.run(ctx, b.places) })
		}
		s.Round, s.Server, s.Case, s.Connections = round, srv.Name, w.Name, connections
		list = append(list, b.noted(s, failure))
	}
	return list
}

func (b *bench) connections(w workload) []int {
	if b.Connections != nil {
		return b.Connections
	}
	return w.Connections
}

// noted is the sample with what went wrong, if something did, and reports it.
func (b *bench) noted(s sample, err error) sample {
	if err != nil {
		s.Err = err.Error()
	}
	b.report(s)
	return s
}

// warm starts the server, checks its answer and lets it serve for a second. The caller stops what it gets, also
// beside an error.
func (b *bench) warm(ctx context.Context, srv server, w workload) (*running, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := start(srv, b.places, w.App)
	if err != nil {
		return r, err
	}
	if _, err := r.ready(ctx, w, 20*time.Millisecond); err != nil {
		return r, err
	}
	_, err = load{r.endpoint(), 16, 1, w.Request}.run(ctx, b.places)
	return r, err
}

func (b *bench) stop(srv server, r *running) {
	if err := r.stop(); err != nil {
		fmt.Fprintf(b.log, "%s: %v\n", srv.Name, err)
	}
}

// cell is one measurement: load, made by the function given, and probe side by side, with the clocks read before and
// after.
func (b *bench) cell(ctx context.Context, r *running, l load, run func() (tally, error)) (sample, error) {
	waits := make(chan fresh, 1)
	before := readClocks(r)
	go func() { waits <- probe(ctx, l.endpoint, l.Request, l.length()) }()
	t, err := run()
	after := readClocks(r)
	s := sample{tally: t, CPU: after.server - before.server, PSS: pssOf(r.first()), Fresh: <-waits}
	s.Foreign = foreign(before, after, t.ClientCPU)
	return s, err
}

// clocks are the CPU times that tell whose work the machine did.
type clocks struct {
	wall                  time.Time
	server, machine, self time.Duration
}

func readClocks(r *running) clocks {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for a bad argument only
	self := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return clocks{time.Now(), cpuOf(r.first()), machineBusy(), self}
}

// foreign is the share of the machine's CPU that neither the server, nor wrk, nor this program spent.
func foreign(before, after clocks, client time.Duration) float64 {
	ours := after.server - before.server + after.self - before.self + client
	others := after.machine - before.machine - ours
	available := after.wall.Sub(before.wall) * time.Duration(runtime.NumCPU())
	return max(0, others.Seconds()/available.Seconds())
}

func (b *bench) report(s sample) {
	if !s.counts() {
		fmt.Fprintf(b.log, "%-8s %-25s %4d  %s%s\n", s.Case, s.Server, s.Connections, s.Without, s.Err)
		return
	}
	if s.Before > 0 {
		fmt.Fprintf(b.log, "%-8s %-25s %4d  %.1f kB for each\n", s.Case, s.Server, s.Connections, s.perConnection()/1e3)
		return
	}
	wait := "unanswered"
	if median, ok := s.Fresh.median(); ok {
		wait = short(median)
	}
	fmt.Fprintf(b.log, "%-8s %-25s %4d %9.0f/s %7.1f us CPU  p50 %s  p99 %s  fresh %s  errors %d  others %.0f%%\n",
		s.Case, s.Server, s.Connections, s.rate(), s.cpuPerRequest(), short(s.P50), short(s.P99), wait,
		s.failures(), 100*s.Foreign)
}
