package config

import (
	"fmt"
)

// processGroup fills in the one process group of a command line.
func (r *request) processGroup() {
	g := r.group()
	g.ProcessesGiven = r.given["--processes"]
	if g.Name == "" {
		g.Name = fmt.Sprintf("%s:%d", r.hostname(), r.Port)
	}
	g.DisplayName = fmt.Sprintf("(wsgi:%s:%d)", g.Name, r.env.UID)
	g.Home, g.User, g.Group, g.Credential = r.WorkingDirectory, r.User, r.Group, r.Credential
	r.MaxClients = max(r.MaxClients, g.Processes*g.Threads)
	g.Timeouts.Socket = r.Timeouts.Socket
	r.scale(g)
	r.limits(g)
}

// limits fills in those that depend on others.
func (r *request) limits(g *ProcessGroup) {
	if g.Timeouts.Eviction == 0 {
		g.Timeouts.Eviction = g.Timeouts.Graceful
	}
	if !r.given["--maximum-requests-jitter"] && g.MaximumProcesses > 1 {
		g.MaximumRequestsJitter = g.MaximumRequests / 10
	}
	if g.MaximumRequestsJitter > g.MaximumRequests {
		r.complain("--maximum-requests-jitter", fmt.Errorf("%d is more than --maximum-requests %d", g.MaximumRequestsJitter, g.MaximumRequests))
	}
}

// scale says how many processes there are, by the MPM. Prefork has processes instead of threads, and as many of them as
// are needed; embedded workers cannot be counted from outside, so they are all there from the start.
func (r *request) scale(g *ProcessGroup) {
	if r.MPM == Prefork {
		g.Processes, g.Threads = g.Processes*g.Threads, 1
	}
	g.MinimumProcesses, g.MaximumProcesses = g.Processes, g.Processes
	if r.MPM == Prefork && !r.Embedded {
		r.spare(g)
	}
}

// Fractions of the processes that prefork starts at first and lets be idle, if none are given: those mod_wsgi-express
// has for Apache's prefork.
const (
	initialWorkers      = 0.05
	maximumSpareWorkers = 0.1
)

// spare is how far prefork grows and shrinks, from fractions of all the processes there may be. What is not given
// follows what is.
func (r *request) spare(g *ProcessGroup) {
	initial := or(r.initialWorkers, initialWorkers)
	most := or(r.maximumSpare, max(maximumSpareWorkers, initial, or(r.minimumSpare, 0)))
	least := or(r.minimumSpare, min(initial, most))
	if least > most {
		r.complain("--minimum-spare-workers", fmt.Errorf("%v is more than --maximum-spare-workers %v", least, most))
	}
	part := func(fraction float64) int { return max(1, int(fraction*float64(g.MaximumProcesses))) }
	g.MinimumSpare = part(least)
	g.MaximumSpare = max(part(most), g.MinimumSpare+1)
	g.MinimumProcesses = min(g.MinimumSpare, g.MaximumProcesses)
	g.Processes = max(part(initial), g.MinimumProcesses)
}

// or is the number given, or another if none is.
func or(given *float64, other float64) float64 {
	if given == nil {
		return other
	}
	return *given
}
