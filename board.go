package main

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/mpm"
	"gild/server"
	"gild/tls"
)

// board is what a front knows about the server, for those who ask: gild status, /server-status, Prometheus.
type board struct {
	config     *config.Config
	generation int
	started    time.Time
	server     *server.Server
	pools      []*cpython.Pool
	manager    *tls.Manager // of certificates; nil: no HTTPS

	mu       sync.Mutex
	restarts []server.Restarts // of each group
}

func newBoard(c *config.Config, generation int) *board {
	return &board{config: c, generation: generation, started: time.Now(), restarts: make([]server.Restarts, len(c.Groups))}
}

// watch says what the figures come from. There is no manager without HTTPS.
func (b *board) watch(s *server.Server, pools []*cpython.Pool, m *tls.Manager) {
	b.server, b.pools, b.manager = s, pools, m
}

// note remembers why a process was replaced.
func (b *board) note(p mpm.Process) {
	if p.State != "dead" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restarts[p.Group].Add(server.Restart{When: time.Now(), PID: p.PID, Reason: p.Reason})
}

// options puts the board into the options of a server.
func (b *board) options(o *server.Options, s sockets) {
	if b.config.ServerStatus {
		o.Status = server.StatusHandler(b.status, server.StatusOptions{})
	}
	if s.status != nil {
		everyone := server.StatusHandler(b.status, server.StatusOptions{Everyone: true}) // who may connect is said by its mode
		o.Extra = append(o.Extra, server.ExtraListener{Socket: s.status, Handler: everyone})
	}
	if s.metrics != nil {
		o.Extra = append(o.Extra, server.ExtraListener{Socket: s.metrics, Handler: server.MetricsHandler(b.status)})
	}
}

// status takes the figures together.
func (b *board) status() server.Status {
	s := server.Status{Version: release(), Started: b.started, Now: time.Now(), Generation: b.generation, Counters: b.server.Counters()}
	if b.manager != nil {
		for _, c := range b.manager.Status() {
			s.Certificates = append(s.Certificates, server.CertificateStatus(c))
		}
	}
	for i, pool := range b.pools {
		s.Groups = append(s.Groups, b.groupStatus(i, pool.Status()))
	}
	return s
}

func (b *board) groupStatus(i int, from cpython.Status) server.GroupStatus {
	g := &b.config.Groups[i]
	s := server.GroupStatus{Name: g.Name, MPM: b.mpm(g), Queued: from.Queued, Backlog: g.Backlog}
	b.mu.Lock()
	s.Restarts = b.restarts[i].Copy()
	b.mu.Unlock()
	for _, p := range from.Processes {
		s.Processes = append(s.Processes, processStatus(p))
	}
	return s
}

// mpm is how a group serves: questions to scripts that gild asks for itself belong to no connection, so they never take a seat.
func (b *board) mpm(g *config.ProcessGroup) string {
	if g.Asked() {
		return config.Event
	}
	return b.config.MPM
}

func processStatus(from cpython.ProcessStatus) server.ProcessStatus {
	s := server.ProcessStatus{Record: from.Record, PID: from.PID, State: from.State.String(), Generation: from.Generation,
		Started: time.Now().Add(-from.Age), Requests: from.Requests}
	s.RSS, s.CPU = usageOf(from.PID)
	for i, t := range from.Threads {
		thread := server.ThreadStatus{Number: i + 1, TID: t.TID, State: "idle", Requests: t.Requests}
		if t.Busy {
			thread.State, thread.Since, thread.Request = "busy", t.Elapsed, t.Request
			s.Busy++
		} else {
			s.Idle++
		}
		s.GILWait += t.GILWait
		s.Threads = append(s.Threads, thread)
	}
	return s
}

// usageOf reads the resident bytes and the CPU time of a process; 0 for one that is gone.
func usageOf(pid int) (rss int64, cpu time.Duration) {
	const ticks = 100 // per second, in /proc on every architecture that Go knows
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	// The name, which may contain anything, is in parentheses; what follows are fields 3 and up of proc(5).
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 22 {
		return 0, 0
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}
	return number(24) * int64(os.Getpagesize()), time.Duration(number(14)+number(15)) * time.Second / ticks
}
