package mpm

import (
	"context"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gild/logs"
)

const (
	// lookInterval is how often a Monitor looks when nothing is due before; shortestLook bounds how soon it looks again.
	lookInterval = time.Second
	shortestLook = 10 * time.Millisecond
	// resumePause is how long a process goes on after its replacement could not be started, before it asks for another.
	resumePause = time.Minute
)

// Limits are what a [Monitor] holds a process to, by the names of WSGIDaemonProcess's parameters. Zero is no limit.
type Limits struct {
	RequestTimeout   time.Duration // request-timeout: for one request, times 1 + ln(Threads)
	InterruptTimeout time.Duration // interrupt-timeout: for a request to end after it was interrupted; 0 = none is interrupted
	Threads          int           // request threads of the process
	Deadlock         time.Duration // deadlock-timeout: without the GIL being obtainable
	Inactivity       time.Duration // inactivity-timeout: without a request, after there was one
	RestartInterval  time.Duration // restart-interval: since the start of Run
	CPUTime          time.Duration // cpu-time-limit: user and system time of the process
	Memory           int64         // rss-limit: resident bytes
}

// requestLimit is how long one request may run. With more threads there is more to lose by a restart, so they make it
// longer, but ever less so.
func (l Limits) requestLimit() time.Duration {
	return time.Duration(float64(l.RequestTimeout) * (1 + math.Log(float64(max(l.Threads, 1))))).Truncate(time.Millisecond)
}

// Thread is what one request thread is doing.
type Thread struct {
	Busy    bool          // it serves a request; the other fields mean something only then
	Ignored bool          // the request is to a path of ignore-activity: it does not count as activity
	Elapsed time.Duration // how long it has been serving it
	Serial  uint32        // tells this request from the next one of the same thread
	Request string        // method and path, for the log
}

// Subject is the process that a [Monitor] watches, and what can be done about it. Its methods are called by one goroutine, one
// at a time. They must return within seconds even if Python does not answer.
type Subject interface {
	Threads() []Thread     // the request threads; a thread keeps its index
	Requests() uint64      // how many requests were served, without those to paths of ignore-activity
	GILAge() time.Duration // for how long the GIL of an interpreter has been waited for in vain; 0 if it is to be had
	CPU() time.Duration    // user and system time of the process; see [Usage]
	RSS() int64            // resident bytes of the process, 0 = unknown; see [Usage]

	Interrupt(thread int, serial uint32) // raises mod_wsgi.RequestTimeout in the thread, unless it has left that request
	Stacks(reason string) error          // logs the Python stacks of all threads; an error: Python did not answer
	DumpWithoutGIL()                     // writes them to standard error although the GIL cannot be had
	Renew(reason string)                 // asks the supervisor for a replacement; this process goes on until told
	Leave(reason string)                 // shuts the process down, now
}

// A Monitor enforces [Limits] on a [Subject] from inside its process. Every timer works by itself, whatever the others are.
//
// The reasons given to Renew and Leave are the shutdown_reason words of mod_wsgi's process_stopping event, and memory_limit.
// A reason is given to Renew once, until [Monitor.Resume].
type Monitor struct {
	group   string
	limits  Limits
	subject Subject
	log     logs.Logger
	clock   func() time.Time
	resume  chan struct{}

	next        time.Duration        // until the next look
	started     time.Time            // when Run began
	active      time.Time            // when there was last a request that counts; zero: never
	requests    uint64               // Subject.Requests of the last look
	xcpu        bool                 // the kernel has sent SIGXCPU
	left        bool                 // Leave was called: there is nothing to watch any more
	asked       map[string]time.Time // reasons given to Renew, and when they may be given again; zero: not before Resume
	interrupted map[int]interruption // the last one of each thread
}

// interruption is a request that was interrupted.
type interruption struct {
	serial uint32
	at     time.Time
}

// NewMonitor returns a monitor of the process of subject, which the log calls by the name of its process group. Nothing
// is watched before Run.
func NewMonitor(group string, limits Limits, subject Subject, log logs.Logger) *Monitor {
	return &Monitor{group: group, limits: limits, subject: subject, log: log, clock: time.Now, resume: make(chan struct{}, 1),
		asked: map[string]time.Time{}, interrupted: map[int]interruption{}}
}

// Run watches until ctx ends. It looks every second, and more often when something is due. SIGXCPU is its own meanwhile: the
// kernel sends it when the limit that [ApplyLimits] has set is reached.
func (m *Monitor) Run(ctx context.Context) {
	xcpu := make(chan os.Signal, 1)
	signal.Notify(xcpu, syscall.SIGXCPU)
	defer signal.Stop(xcpu)
	m.begin()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-xcpu:
			m.xcpu = true
		case <-m.resume:
			m.resumed()
		case <-timer.C:
		}
		timer.Reset(m.step())
	}
}

// Resume tells that no replacement came although Renew was called, so that the process goes on. A minute later the monitor may
// ask again. Any goroutine may call it.
func (m *Monitor) Resume() {
	select {
	case m.resume <- struct{}{}:
	default: // one that was not yet taken says the same
	}
}

// begin starts the timers. Requests that were served before it, as those that waited for the application to be loaded, count.
func (m *Monitor) begin() {
	m.started = m.clock()
}

// resumed lets every reason be given again after the pause.
func (m *Monitor) resumed() {
	for reason := range m.asked {
		m.asked[reason] = m.clock().Add(resumePause)
	}
}

// step looks at the subject, does what is due, and returns when to look again.
func (m *Monitor) step() time.Duration {
	m.next = lookInterval
	if m.left || m.isDeadlocked() {
		return m.next
	}
	threads := m.subject.Threads()
	m.watchRequests(threads)
	m.watchActivity(threads)
	m.watchAge()
	m.watchCPU()
	m.watchMemory()
	return max(m.next, shortestLook)
}

// due says whether nothing is left of a time; if something is, the monitor looks again when it is over.
func (m *Monitor) due(left time.Duration) bool {
	if left > 0 {
		m.next = min(m.next, left)
	}
	return left <= 0
}
