package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// results are the raw figures of a run.
type results struct {
	About    about
	Missing  map[string]string // server: why it has no rows
	Cold     map[string][]time.Duration
	Samples  []sample
	Mixtures []mixtureSample
}

func (r *results) save(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

func readResults(file string) (*results, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("no earlier run to show: %w", err)
	}
	r := new(results)
	return r, json.Unmarshal(text, r)
}

// row is one line of a table: the rounds of one cell put together.
type row struct {
	Server      string
	Connections int
	Rounds      int     // how many gave figures
	Rate        float64 // requests/s
	Embedded    float64 // gild's rate by this one's, within a round, for either placement; 0 = unknown
	Daemon      float64
	CPU         float64 // microseconds per request
	P50, P99    time.Duration
	Worst       time.Duration // of all rounds together
	Fresh       fresh         // of all rounds together
	Requests    int           // of all rounds together
	Failures    int           // of all rounds together
	Renewed     int           // of all rounds together
	PSS         int64         // bytes
	Before      int64         // the same before the load
	Each        float64       // bytes that a connection took
	Without     string        // why the server has no such row
	Err         string
}

// row puts the rounds of a cell together; ok is false if it was not part of the run.
func (r *results) row(workload, server string, connections int) (out row, ok bool) {
	out = row{Server: server, Connections: connections}
	var good []sample
	for _, s := range r.cells(workload, server, connections) {
		if s.Err != "" || s.Without != "" {
			out.Err, out.Without = s.Err, s.Without
			continue
		}
		good = append(good, s)
		out.Fresh.Waits = append(out.Fresh.Waits, s.Fresh.Waits...)
		out.Fresh.Unanswered += s.Fresh.Unanswered
		out.Requests += s.Requests
		out.Failures += s.failures()
		out.Renewed += s.Renewed
		out.Worst = max(out.Worst, s.Worst)
	}
	slices.Sort(out.Fresh.Waits)
	out.Rounds = len(good)
	out.Rate = medianOf(good, sample.rate)
	out.CPU = medianOf(good, sample.cpuPerRequest)
	out.P50 = medianOf(good, func(s sample) time.Duration { return s.P50 })
	out.P99 = medianOf(good, func(s sample) time.Duration { return s.P99 })
	out.PSS = medianOf(good, func(s sample) int64 { return s.PSS })
	out.Before = medianOf(good, func(s sample) int64 { return s.Before })
	out.Each = medianOf(good, sample.perConnection)
	out.Embedded = r.ratio(workload, embedded, server, connections, sample.rate)
	out.Daemon = r.ratio(workload, daemon, server, connections, sample.rate)
	return out, len(good) > 0 || out.Err != "" || out.Without != ""
}

func (r *results) cells(workload, server string, connections int) []sample {
	var list []sample
	for _, s := range r.Samples {
		if s.Case == workload && s.Server == server && s.Connections == connections {
			list = append(list, s)
		}
	}
	return list
}

// ratio is the median over the rounds of a value of ours by the one of theirs: a slow minute of the machine is in
// both. 0 if no round has both.
func (r *results) ratio(workload, ours, theirs string, connections int, value func(sample) float64) float64 {
	values := map[int]float64{}
	for _, s := range r.cells(workload, ours, connections) {
		if s.counts() {
			values[s.Round] = value(s)
		}
	}
	var ratios []float64
	for _, s := range r.cells(workload, theirs, connections) {
		if s.counts() && values[s.Round] > 0 && value(s) > 0 {
			ratios = append(ratios, values[s.Round]/value(s))
		}
	}
	return median(ratios)
}

// foreign is the largest share of the machine that others took during a cell.
func (r *results) foreign() (middle, worst float64) {
	for _, s := range r.Samples {
		worst = max(worst, s.Foreign)
	}
	return medianOf(r.Samples, func(s sample) float64 { return s.Foreign }), worst
}

// median is the middle value, the lower one of two; the zero value if there is none.
func median[T cmp.Ordered](values []T) T {
	var none T
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

func medianOf[S any, T cmp.Ordered](samples []S, value func(S) T) T {
	var list []T
	for _, s := range samples {
		list = append(list, value(s))
	}
	return median(list)
}
