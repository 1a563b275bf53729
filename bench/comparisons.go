package main

import "time"

// A comparison puts one load on gild run in several ways: what its processes are good for, in figures.
type comparison struct {
	workload
	Length int // of a measurement, in lengths of a cell of the table
	Ways   []way
}

// A way to run gild is a row of its comparison.
type way struct {
	Name        string
	Options     []string // of gild start-server
	Connections int      // few where the load must leave both cores to the server
	Restarted   bool     // SIGUSR1 to the supervisor every restartInterval
}

const restartInterval = 2 * time.Second // the texts say so too

// The ways that goals speak of.
const (
	oneProcess, twoProcesses = "one process", "two processes"
	oneQueue                 = "one queue"
	accepted                 = "the process that accepted"
	held                     = "a process each"
	undisturbed, restarted   = "left alone", "renewed"
)

// Numbers of connections: computing is enough to keep two processes busy; queueing is more than two processes of one
// thread serve at once, and pairing as many, because a connection that holds a thread for its life starves all others.
const computing, queueing, pairing = 6, 8, 2

// comparisons are measured on gild alone: nobody else has the choice.
func comparisons() []comparison {
	hello := []byte("Hello World!")
	two := []string{"--processes", "2", "--threads", "1"}
	return []comparison{
		{workload{"cores", "work", "2 ms on the CPU, by one process and by two", Request{Path: "/even"}, hello, nil, ""}, 3, []way{
			{oneProcess, []string{"--processes", "1"}, computing, false},
			{twoProcesses, []string{"--processes", "2"}, computing, false},
		}},
		{workload{"queue", "work", "1 ms on the CPU, but one of 200 sleeps 20 to 50 ms; two processes of one thread",
			Request{Path: "/uneven"}, hello, nil, ""}, 3, []way{
			{oneQueue, two, queueing, false},
			{accepted, append([]string{"--embedded-mode"}, two...), queueing, false},
			{oneQueue, two, pairing, false},
			{held, append([]string{"--server-mpm", "worker"}, two...), pairing, false},
		}},
		{workload{"restarts", "hello", "12 bytes, while the processes are renewed every 2 s", Request{Path: "/"}, hello, nil, ""}, 7, []way{
			{undisturbed, nil, goalConnections, false},
			{restarted, nil, goalConnections, true},
		}},
	}
}
