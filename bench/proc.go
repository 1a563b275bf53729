package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// process is what /proc/PID/stat tells of a process.
type process struct {
	PID, Parent, Group int
	CPU                time.Duration // user and system, of its threads and of its children that were waited for
	Start              uint64        // ticks since boot; with PID a name for life
}

// processesOf lists the first process, its descendants, and everything else in its process group (a process whose
// parent died is nobody's descendant any more).
func processesOf(first int) []process {
	all := readProcesses()
	family := map[int]bool{first: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !family[p.PID] && (family[p.Parent] || p.Group == first) {
				family[p.PID], grown = true, true
			}
		}
	}
	var list []process
	for _, p := range all {
		if family[p.PID] {
			list = append(list, p)
		}
	}
	return list
}

func readProcesses() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var list []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if p, err := readProcess(pid); err == nil { // an error: it ended while we looked
			list = append(list, p)
		}
	}
	return list
}

func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	return parseStat(string(text))
}

// parseStat reads a line of /proc/PID/stat (proc_pid_stat(5)). The name of the program stands in parentheses and
// may hold parentheses and blanks itself, so the fields are counted from the last one.
func parseStat(line string) (process, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return process{}, fmt.Errorf("no program name in stat line %q", line)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	fields := strings.Fields(line[end+1:])
	if err != nil || len(fields) < 20 {
		return process{}, fmt.Errorf("stat line %q has too few fields", line)
	}
	number := func(field int) int { // numbered from 1 as in the manual page; the third is the first after the name
		n, _ := strconv.Atoi(fields[field-3])
		return n
	}
	cpu := number(14) + number(15) + number(16) + number(17)
	return process{pid, number(4), number(5), time.Duration(cpu) * tick, uint64(number(22))}, nil
}

// cpuOf is the CPU time spent so far by a server: all its processes and those it has reaped, whose time the kernel
// adds to that of their parent.
func cpuOf(first int) time.Duration {
	var sum time.Duration
	for _, p := range settled(func() []process { return processesOf(first) }) {
		sum += p.CPU
	}
	return sum
}

// settled looks until three looks in a row find the same processes, and returns the middle one: a process that is
// reaped during a look is counted twice or not at all there, but is missing after it or was there before it. A server
// whose processes never stop changing is given up after some looks.
func settled(look func() []process) []process {
	last, middle := look(), look()
	for range 20 {
		next := look()
		if isSame(last, middle) && isSame(middle, next) {
			break
		}
		last, middle = middle, next
	}
	return middle
}

func isSame(a, b []process) bool {
	return slices.EqualFunc(a, b, func(a, b process) bool { return a.PID == b.PID && a.Start == b.Start })
}

// pssOf is the memory of a server in bytes: of each process its private pages and its share of the shared ones.
func pssOf(first int) int64 {
	var sum int64
	for _, p := range processesOf(first) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.PID))
		if err == nil { // an error: it ended while we looked
			sum += parsePSS(text)
		}
	}
	return sum
}

// parsePSS finds the line "Pss: N kB" in smaps_rollup; 0 if there is none (a zombie has no memory).
func parsePSS(text []byte) int64 {
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) >= 2 && fields[0] == "Pss:" {
			kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

// machineBusy is the CPU time spent by the whole machine so far, without idling and waiting for disks.
func machineBusy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return parseBusy(string(text))
}

// parseBusy adds up the first line of /proc/stat: user, nice, system, (idle, iowait,) irq, softirq, steal.
func parseBusy(text string) time.Duration {
	line, _, _ := strings.Cut(text, "\n")
	var sum time.Duration
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 {
			continue
		}
		n, _ := strconv.Atoi(field)
		sum += time.Duration(n) * tick
	}
	return sum
}
