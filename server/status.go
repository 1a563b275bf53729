package server

import (
	"strings"
	"time"
)

// Status is what a server and the processes behind it are doing: plain data, made by whoever sees both, for the pages of
// this package and for `gild status`. Lengths of time are in nanoseconds in JSON.
type Status struct {
	Version    string    `json:"version"` // of gild, like "1.0"
	Generation int       `json:"generation"`
	Started    time.Time `json:"started"` // this generation
	Now        time.Time `json:"now"`     // when the rest was looked at
	Counters
	Certificates []CertificateStatus `json:"certificates"`
	Groups       []GroupStatus       `json:"groups"`
}

// GroupStatus is a process group.
type GroupStatus struct {
	Name      string          `json:"name"`
	MPM       string          `json:"mpm"`     // "event", "worker" or "prefork"
	Queued    int             `json:"queued"`  // requests that wait for a thread
	Backlog   int             `json:"backlog"` // how many may wait
	Restarts  Restarts        `json:"restarts"`
	Processes []ProcessStatus `json:"processes"`
}

// ProcessStatus is a process of a group. Record and Generation together tell it from all others that live.
type ProcessStatus struct {
	Record     int            `json:"record"` // its place in the group; used again when the process is gone
	PID        int            `json:"pid"`
	State      string         `json:"state"` // "starting", "ready", "failed", "draining" or "dead"
	Generation int            `json:"generation"`
	Started    time.Time      `json:"started"`
	Requests   uint64         `json:"requests"` // served since Started
	Busy       int            `json:"busy"`     // threads in a request
	Idle       int            `json:"idle"`     // threads that wait for one
	RSS        int64          `json:"rss_bytes"`
	CPU        time.Duration  `json:"cpu_ns"`      // user and system time since Started
	GILWait    time.Duration  `json:"gil_wait_ns"` // that its threads have waited for the GIL since Started
	Threads    []ThreadStatus `json:"threads"`
}

// ThreadStatus is a thread that serves requests.
type ThreadStatus struct {
	Number   int           `json:"number"`
	TID      int           `json:"tid"`      // the kernel's number; 0: not started
	State    string        `json:"state"`    // "idle", "busy", "reading" (waits for the client's body), "writing" (for the client to take the response)
	Since    time.Duration `json:"since_ns"` // how long it has been doing that
	Request  string        `json:"request"`  // "GET /path"; "" when idle
	Requests uint64        `json:"requests"` // served so far
}

// A Restart is a process that is gone.
type Restart struct {
	When   time.Time `json:"when"`
	PID    int       `json:"pid"`
	Reason string    `json:"reason"` // in few words, the same for the same reason: they are counted
}

// Bounds of what Restarts remembers.
const (
	lastRestarts   = 20
	restartReasons = 30 // further ones are counted as otherReason
	otherReason    = "other"
)

// Restarts are the processes of a group that are gone. The zero value is none. It is not safe for several goroutines.
type Restarts struct {
	Total   uint64            `json:"total"`
	Reasons map[string]uint64 `json:"reasons"` // how many for each reason
	Last    []Restart         `json:"last"`    // the last twenty, oldest first
}

// Add counts a restart.
func (r *Restarts) Add(restart Restart) {
	r.Total++
	if len(r.Last) == lastRestarts {
		r.Last = append(r.Last[:0], r.Last[1:]...)
	}
	r.Last = append(r.Last, restart)
	reason := restart.Reason
	if _, known := r.Reasons[reason]; !known && len(r.Reasons) >= restartReasons {
		reason = otherReason
	}
	if r.Reasons == nil {
		r.Reasons = make(map[string]uint64)
	}
	r.Reasons[reason]++
}

// Copy returns restarts that do not change with r.
func (r *Restarts) Copy() Restarts {
	c := Restarts{Total: r.Total, Last: append([]Restart(nil), r.Last...)}
	if r.Reasons != nil {
		c.Reasons = make(map[string]uint64, len(r.Reasons))
	}
	for reason, n := range r.Reasons {
		c.Reasons[reason] = n
	}
	return c
}

// uptime is the age of the generation.
func (s *Status) uptime() time.Duration { return max(0, s.Now.Sub(s.Started)) }

// processes calls f for each process of each group.
func (s *Status) processes(f func(*GroupStatus, *ProcessStatus)) {
	for i := range s.Groups {
		g := &s.Groups[i]
		for j := range g.Processes {
			f(g, &g.Processes[j])
		}
	}
}

// cpu is the time all processes have used.
func (s *Status) cpu() (total time.Duration) {
	s.processes(func(_ *GroupStatus, p *ProcessStatus) { total += p.CPU })
	return total
}

// workers counts threads as mod_status does: those of a process that leaves are neither busy nor idle.
func (s *Status) workers() (busy, idle, graceful int) {
	s.processes(func(_ *GroupStatus, p *ProcessStatus) {
		switch p.State {
		case "dead":
		case "draining":
			graceful += p.Busy + p.Idle
		default:
			busy += p.Busy
			idle += p.Idle
		}
	})
	return busy, idle, graceful
}

// scoreboard is a letter for each thread of each process.
func (s *Status) scoreboard() string {
	var b strings.Builder
	s.processes(func(_ *GroupStatus, p *ProcessStatus) {
		for i := range p.Threads {
			b.WriteByte(letter(p, &p.Threads[i]))
		}
	})
	return b.String()
}

// letters are mod_status' for the states of a thread.
const letters = `"_" waiting for a request, "W" in the application, "R" reading the request, "S" starting, "G" finishing, "." no process`

// letter is the one of a thread of a process.
func letter(p *ProcessStatus, t *ThreadStatus) byte {
	switch p.State {
	case "starting":
		return 'S'
	case "draining":
		return 'G'
	case "dead":
		return '.'
	}
	switch t.State {
	case "idle":
		return '_'
	case "reading":
		return 'R'
	}
	return 'W'
}
