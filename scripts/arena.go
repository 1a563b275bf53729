package scripts

import (
	"time"

	"gild/config"
	"gild/cpython"
)

// hasSeats reports whether a connection holds a thread of the group for as long as it lives. A question that gild asks
// its scripts for itself belongs to no connection.
func hasSeats(c *config.Config, g *config.ProcessGroup) bool {
	return c.MPM != config.Event && !g.Asked()
}

// requests is how many requests can be in the hands of a front at once, at the least: also those whose body is still coming.
const requests = 1024

// Geometry is that of the arena of a process group. There are twice as many records as processes, so that each process can be
// replaced by one that has started before it goes.
func Geometry(c *config.Config, g *config.ProcessGroup) cpython.Geometry {
	_, lanes := contentsOf(c, g).lanes()
	return cpython.Geometry{
		Requests:  max(requests, g.MaximumProcesses*g.Threads+g.Backlog),
		Lanes:     lanes,
		Processes: Records(c, g),
		Threads:   g.Threads,
	}
}

// Records is how many processes of a group there can be at once.
func Records(c *config.Config, g *config.ProcessGroup) int {
	if c.Embedded {
		return 1
	}
	return 2 * g.MaximumProcesses
}

// PoolConfig says how the front treats the processes of a group. distrust is told about those that break the protocol.
func PoolConfig(c *config.Config, g *config.ProcessGroup, distrust func(record, pid int, reason string)) cpython.PoolConfig {
	lanes, _ := contentsOf(c, g).lanes()
	processes := g.MaximumProcesses
	if c.Embedded {
		processes = 1
	}
	return cpython.PoolConfig{
		Lanes:    lanes,
		Capacity: processes * g.Threads,
		Backlog:  g.Backlog,
		Connect:  connectTimeout(c, g),
		Queue:    g.Timeouts.Queue,
		Socket:   g.Timeouts.Socket,
		Seats:    hasSeats(c, g),
		Distrust: distrust,
	}
}

// connectTimeout is the time that a request waits for a process to be there. In embedded mode there always is one; otherwise
// 0 means that it does not wait.
func connectTimeout(c *config.Config, g *config.ProcessGroup) time.Duration {
	if !c.Embedded && g.Timeouts.Connect == 0 {
		return time.Nanosecond
	}
	return g.Timeouts.Connect
}
