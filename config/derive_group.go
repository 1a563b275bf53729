package config

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// embed takes back what is about daemon processes if there are none.
func (r *request) embed() {
	if !r.Embedded {
		return
	}
	for _, o := range r.all {
		if !o.daemon {
			continue
		}
		if r.given[o.name] {
			r.warn(o.name, "without effect, because in embedded mode there are no daemon processes")
			r.given[o.name] = false
		}
		r.preset(o)
	}
	g := r.group()
	g.Name, g.MaximumRequestsJitter, g.ResponseFlushDelay, g.IgnoreActivity = "", 0, 0, nil
	g.Timeouts = GroupTimeouts{Shutdown: g.Timeouts.Shutdown, Graceful: g.Timeouts.Graceful}
	if g.Chroot != "" {
		r.complain("--chroot", errors.New("only daemon processes can have a root directory of their own; leave --embedded-mode out"))
	}
}

// reloading ends where the processes are not replaced or the user does not want it.
func (r *request) reloading() {
	if !r.ScriptReloading && r.ReloadOnChanges {
		r.warn("--reload-on-changes", "without effect, because of --disable-reloading")
	}
	r.ScriptReloading = r.ScriptReloading && !r.Embedded
	r.ReloadOnChanges = r.ReloadOnChanges && r.ScriptReloading
}

// metrics complains of an address that the server listens on itself.
func (r *request) metrics() {
	host, port, _ := net.SplitHostPort(r.MetricsAddress)
	for _, l := range r.Listeners() {
		_, taken, _ := net.SplitHostPort(l.Address)
		if port == taken && (host == "" || r.Host == "" || host == r.Host) {
			r.complain("--metrics-address", fmt.Errorf("port %s is the one of the server for %s; choose another", port, l.Scheme))
		}
	}
}

// processGroup fills in the one process group of a command line.
func (r *request) processGroup() {
	g := r.group()
	g.ProcessesGiven = r.given["--processes"]
	if g.Name == "" {
		g.Name = fmt.Sprintf("%s:%d", r.hostname(), r.Port)
	}
	g.DisplayName = fmt.Sprintf("(wsgi:%s:%d)", g.Name, r.env.UID)
	g.Home, g.User, g.Group, g.Credential = r.WorkingDirectory, r.User, r.Group, r.Credential
	g.Timeouts.Socket = r.Timeouts.Socket
	r.clients(g.Processes * g.Threads)
	r.scale(g)
	r.limits(g)
	r.privileges(g)
}

// clients is at least one for each thread.
func (r *request) clients(threads int) {
	if r.MaxClients < threads && r.given["--max-clients"] {
		r.warn("--max-clients", "%d is raised to %d, the number of all threads", r.MaxClients, threads)
	}
	r.MaxClients = max(r.MaxClients, threads)
}

// privileges complains of what only root can give a process.
func (r *request) privileges(g *ProcessGroup) {
	if r.env.UID == 0 {
		return
	}
	if g.Chroot != "" {
		r.complain("--chroot", complain("", "Cannot chroot WSGI daemon process when not root."))
	}
	if g.CPUPriority < 0 {
		r.complain("--cpu-priority", fmt.Errorf("only root can have %d; anyone can have 0 to 19", g.CPUPriority))
	}
}

// mostProcesses is how many processes a group may have.
const mostProcesses = 1024

// scale says how many processes there are, by the MPM. Prefork has processes instead of threads, and as many of them as
// are needed; embedded workers do not say whether they are idle, so they are all there from the start.
func (r *request) scale(g *ProcessGroup) {
	if r.MPM == Prefork {
		g.Processes, g.Threads = g.Processes*g.Threads, 1
	}
	if g.Processes > mostProcesses {
		r.complain("--processes", fmt.Errorf("times --threads it is %d, which are processes under prefork; the most is %d", g.Processes, mostProcesses))
	}
	g.MinimumProcesses, g.MaximumProcesses = g.Processes, g.Processes
	if r.MPM == Prefork && !r.Embedded {
		r.spare(g)
	} else {
		r.noSpare()
	}
}

// noSpare says, once, why the number of processes does not change.
func (r *request) noSpare() {
	var given []string
	for _, name := range []string{"--initial-workers", "--minimum-spare-workers", "--maximum-spare-workers"} {
		if r.given[name] {
			given = append(given, name)
		}
	}
	if len(given) == 0 {
		return
	}
	why := fmt.Sprintf("the %s MPM has as many processes as --processes says, all the time; only prefork has more and fewer", r.MPM)
	if r.MPM == Prefork {
		why = "in embedded mode prefork has all its processes all the time"
	}
	r.warn(strings.Join(given, ", "), "without effect, because %s", why)
}

// What a process of gild has before the application is loaded, measured with Python 3.11 and rounded up: most of it is
// reserved by Go and by the stacks of threads, and never touched. It counts for these limits all the same.
const needsData, needsAddresses = 256 << 20, 2560 << 20

// narrow warns of a limit that leaves the application nothing.
func (r *request) narrow(option string, limit, needs int64) {
	if limit != 0 && limit < needs {
		r.warn(option, "gild itself reserves up to %dM of it, so the application may not start; --rss-limit counts only what is used", needs>>20)
	}
}

// limits fills in those that depend on others.
func (r *request) limits(g *ProcessGroup) {
	if g.Timeouts.Eviction == 0 {
		g.Timeouts.Eviction = g.Timeouts.Graceful
	}
	if r.given["--interrupt-timeout"] && g.Timeouts.Interrupt > 0 && g.Timeouts.Request == 0 {
		r.warn("--interrupt-timeout", "without effect, because --request-timeout is 0")
	}
	r.pointless("--ignore-activity", "--inactivity-timeout")
	r.narrow("--memory-limit", g.MemoryLimit, needsData)
	r.narrow("--virtual-memory-limit", g.VirtualMemoryLimit, needsAddresses)
	if !r.given["--maximum-requests-jitter"] && g.MaximumProcesses > 1 {
		g.MaximumRequestsJitter = g.MaximumRequests / 10
	}
	if g.MaximumRequestsJitter > g.MaximumRequests {
		r.complain("--maximum-requests-jitter", fmt.Errorf("%d is more than --maximum-requests %d", g.MaximumRequestsJitter, g.MaximumRequests))
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
