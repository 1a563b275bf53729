package mpm

import (
	"time"

	"gild/logs"
)

// isDeadlocked ends a process whose GIL cannot be obtained: no request of it can go on, and none can be interrupted.
func (m *Monitor) isDeadlocked() bool {
	if m.limits.Deadlock == 0 || !m.due(m.limits.Deadlock-m.subject.GILAge()) {
		return false
	}
	m.say(logs.Error, "Daemon process deadlock timer expired, stopping daemon process '%s'.", m.group)
	m.subject.DumpWithoutGIL()
	m.left = true
	m.subject.Leave("deadlock_timeout")
	return true
}

// watchRequests finds the threads that are too long in one request. They are interrupted first, if that is wanted; the
// process is renewed for those that did not end then.
func (m *Monitor) watchRequests(threads []Thread) {
	if m.limits.RequestTimeout == 0 {
		return
	}
	var fresh, stuck []int
	for i, t := range threads {
		switch {
		case !t.Busy || !m.due(m.limits.requestLimit()-t.Elapsed):
		case m.limits.InterruptTimeout == 0:
			stuck = append(stuck, i)
		case !m.wasInterrupted(i, t.Serial):
			fresh = append(fresh, i)
		case m.due(m.limits.InterruptTimeout - m.clock().Sub(m.interrupted[i].at)):
			stuck = append(stuck, i)
		}
	}
	m.interrupt(threads, fresh)
	m.expire(threads, stuck)
}

// wasInterrupted says whether thread i was interrupted in the request it is still in.
func (m *Monitor) wasInterrupted(i int, serial uint32) bool {
	before, ok := m.interrupted[i]
	return ok && before.serial == serial
}

// interrupt raises RequestTimeout in the threads, once it is in the log where they are: afterwards nobody could tell.
func (m *Monitor) interrupt(threads []Thread, late []int) {
	if len(late) == 0 {
		return
	}
	for _, i := range late {
		m.say(logs.Error, "Request time limit exceeded by %q, for %s in thread %d of daemon process '%s'; interrupting it.",
			threads[i].Request, rounded(threads[i].Elapsed), i+1, m.group)
	}
	m.dump("request_timeout")
	for _, i := range late {
		m.subject.Interrupt(i, threads[i].Serial)
		m.interrupted[i] = interruption{serial: threads[i].Serial, at: m.clock()}
		m.due(m.limits.InterruptTimeout)
	}
}

// expire renews the process because of the stuck threads.
func (m *Monitor) expire(threads []Thread, stuck []int) {
	if len(stuck) == 0 || !m.mayRenew("request_timeout") {
		return
	}
	m.say(logs.Error, "Daemon process request time limit exceeded; waiting for in-flight requests to complete in daemon process '%s'.", m.group)
	for _, i := range stuck {
		m.say(logs.Error, "Thread %d of daemon process '%s' has been serving %q for %s.", i+1, m.group, threads[i].Request, rounded(threads[i].Elapsed))
	}
	m.dump("request_timeout")
	m.renew("request_timeout")
}

// dump logs the Python stacks, in the way that works.
func (m *Monitor) dump(reason string) {
	if err := m.subject.Stacks(reason); err != nil {
		m.say(logs.Error, "The Python stacks of daemon process '%s' are dumped without the GIL: %v", m.group, err)
		m.subject.DumpWithoutGIL()
	}
}

// watchActivity renews a process that has nothing to do, so that its memory shrinks to that of a fresh one. One that has not
// served anything is fresh.
func (m *Monitor) watchActivity(threads []Thread) {
	if m.limits.Inactivity == 0 {
		return
	}
	now, busy := m.clock(), false
	served := m.subject.Requests()
	counts := served != m.requests
	m.requests = served
	for _, t := range threads {
		busy = busy || t.Busy
		counts = counts || t.Busy && !t.Ignored
	}
	if counts {
		m.active = now
	}
	if busy || m.active.IsZero() || !m.due(m.limits.Inactivity-now.Sub(m.active)) || !m.mayRenew("inactivity_timeout") {
		return
	}
	m.say(logs.Notice, "Daemon process idle inactivity timer expired, stopping process '%s'.", m.group)
	m.renew("inactivity_timeout")
}

// watchAge renews a process that is old.
func (m *Monitor) watchAge() {
	if m.limits.RestartInterval == 0 || !m.due(m.limits.RestartInterval-m.clock().Sub(m.started)) || !m.mayRenew("restart_interval") {
		return
	}
	m.say(logs.Notice, "Application restart timer expired; waiting for in-flight requests to complete in process '%s'.", m.group)
	m.renew("restart_interval")
}

// watchCPU renews a process that has used its share of the processor. The kernel's signal comes first when it is busy; the poll
// finds it when the signal was lost or no limit could be set.
func (m *Monitor) watchCPU() {
	limit := m.limits.CPUTime
	if limit == 0 || !m.xcpu && m.subject.CPU() < limit || !m.mayRenew("cpu_time_limit") {
		return
	}
	m.say(logs.Notice, "Exceeded CPU time limit; waiting for in-flight requests to complete in daemon process '%s'.", m.group)
	m.renew("cpu_time_limit")
}

// watchMemory renews a process that has grown too large.
func (m *Monitor) watchMemory() {
	limit := m.limits.Memory
	if limit == 0 {
		return
	}
	size := m.subject.RSS()
	if size <= limit || !m.mayRenew("memory_limit") {
		return
	}
	m.say(logs.Notice, "Exceeded memory limit of %d bytes with %d bytes resident; waiting for in-flight requests to complete in daemon process '%s'.",
		limit, size, m.group)
	m.renew("memory_limit")
}

// mayRenew says whether the reason may be given to the subject's Renew.
func (m *Monitor) mayRenew(reason string) bool {
	again, asked := m.asked[reason]
	return !asked || !again.IsZero() && !m.clock().Before(again)
}

// renew gives the reason, and notes that.
func (m *Monitor) renew(reason string) {
	m.asked[reason] = time.Time{}
	m.subject.Renew(reason)
}

// say logs for the monitor, as mod_wsgi does: it is the daemon that speaks.
func (m *Monitor) say(level logs.Level, format string, args ...any) {
	logs.Printf(m.log, level, "wsgi", format, args...)
}

// rounded is a duration for people.
func rounded(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
