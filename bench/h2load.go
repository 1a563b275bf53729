package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// h2 makes a load of HTTP/2 with h2load: one thread, as wrk has, and a number of requests at a time on each connection.
func h2(streams int) func(load, context.Context, places) (tally, error) {
	return func(l load, ctx context.Context, at places) (tally, error) {
		log := filepath.Join(at.Work, "h2load.log")
		defer os.Remove(log)
		_ = os.Remove(log) // h2load would write behind what an interrupted run left
		cmd := exec.CommandContext(ctx, "h2load", "-t1", "-c"+strconv.Itoa(l.Connections), "-m"+strconv.Itoa(streams),
			"-D"+strconv.Itoa(l.Seconds), "--connection-active-timeout="+strconv.Itoa(l.Seconds+5), "--log-file="+log, l.url(l.Path))
		out, err := cmd.CombinedOutput()
		if err != nil {
			return tally{}, fmt.Errorf("h2load: %w: %s", err, out)
		}
		lines, err := os.ReadFile(log)
		if err != nil {
			return tally{}, err
		}
		t, err := parseH2load(string(out), string(lines))
		t.Duration, t.ClientCPU = l.length(), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
		return t, err
	}
}

// What h2load prints at its end. Requests that its time is up for are neither done nor failed.
var (
	h2loadRequests = regexp.MustCompile(`(?m)^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadProtocol = regexp.MustCompile(`(?m)^Application protocol: (.*)$`)
)

// parseH2load reads what h2load printed, and its log: a line for each request with when it began, its status, and how
// many microseconds it took. h2load itself says no more of the times than their mean and their ends.
func parseH2load(printed, log string) (tally, error) {
	found, protocol := h2loadRequests.FindStringSubmatch(printed), h2loadProtocol.FindStringSubmatch(printed)
	if found == nil || protocol == nil || protocol[1] != "h2" {
		return tally{}, fmt.Errorf("h2load: no requests of h2 in %q", printed)
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(found[i]) // digits
		return n
	}
	waits, err := parseH2loadLog(log)
	if err != nil {
		return tally{}, err
	}
	t := tally{Requests: number(1), Bad: number(2) - number(3), Read: number(3) - number(4), TimedOut: number(4)}
	if len(waits) > 0 {
		t.P50, t.P99, t.Worst = waits[(len(waits)-1)/2], waits[(len(waits)-1)*99/100], waits[len(waits)-1]
	}
	return t, nil
}

// parseH2loadLog are the times of good answers, ascending.
func parseH2loadLog(log string) ([]time.Duration, error) {
	var waits []time.Duration
	for line := range strings.Lines(log) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("h2load: %q in its log has not three fields", line)
		}
		us, err := strconv.Atoi(fields[2])
		if err != nil {
			return nil, fmt.Errorf("h2load: %q in its log: %w", line, err)
		}
		if fields[1] == "200" {
			waits = append(waits, time.Duration(us)*time.Microsecond)
		}
	}
	slices.Sort(waits)
	return waits, nil
}
