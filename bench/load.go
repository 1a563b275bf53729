package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A load is one run of wrk: one thread, so that the other core of a small machine is the server's.
type load struct {
	endpoint
	Connections int
	Seconds     int
	Request
}

func (l load) length() time.Duration { return time.Duration(l.Seconds) * time.Second }

// tally is what wrk counted, or an exact load.
type tally struct {
	Requests                            int
	Duration                            time.Duration
	P50, P99                            time.Duration
	Worst                               time.Duration // known of an exact load only
	Connect, Read, Write, Bad, TimedOut int           // connections refused, reads and writes failed, answers above 399, answers after 2 s (an exact load: no answer by then)
	ClientCPU                           time.Duration // spent by wrk itself
}

// rate is in requests/s; 0 if nothing was measured.
func (t tally) rate() float64 {
	if t.Duration == 0 {
		return 0
	}
	return float64(t.Requests) / t.Duration.Seconds()
}

// failures counts everything that is not a good answer.
func (t tally) failures() int { return t.Connect + t.Read + t.Write + t.Bad + t.TimedOut }

// run makes the load and waits for its end. An error means that wrk itself failed.
func (l load) run(ctx context.Context, at places) (tally, error) {
	cmd := exec.CommandContext(ctx, "wrk", l.args(at)...)
	cmd.Env = append(os.Environ(), "BENCH_POST_BYTES="+strconv.Itoa(l.Post))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return tally{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	t, err := parseTally(string(out))
	t.ClientCPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return t, err
}

func (l load) args(at places) []string {
	args := []string{"-t1", "-c" + strconv.Itoa(l.Connections), "-d" + strconv.Itoa(l.Seconds) + "s", "--timeout", "2s",
		"-s", at.Root + "/bench/wrk.lua"}
	for _, line := range l.Header {
		args = append(args, "-H", line)
	}
	return append(args, l.url(l.Path))
}

// parseTally reads the line that bench/wrk.lua prints.
func parseTally(out string) (tally, error) {
	_, line, found := strings.Cut(out, "\ntally ")
	line, _, _ = strings.Cut(line, "\n")
	values := map[string]int{}
	for _, field := range strings.Fields(line) {
		key, text, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(text)
		if err != nil {
			return tally{}, fmt.Errorf("wrk: %q in its tally is not a number", field)
		}
		values[key] = n
	}
	if !found || values["duration_us"] == 0 {
		return tally{}, fmt.Errorf("wrk: no tally in %q", out)
	}
	us := func(key string) time.Duration { return time.Duration(values[key]) * time.Microsecond }
	return tally{
		Requests: values["requests"], Duration: us("duration_us"), P50: us("p50_us"), P99: us("p99_us"),
		Connect: values["connect"], Read: values["read"], Write: values["write"],
		Bad: values["status"], TimedOut: values["timeout"],
	}, nil
}
