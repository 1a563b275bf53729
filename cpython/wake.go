package cpython

import "runtime"

// worthwhile is how long requests must take, in nanoseconds, for waking another
// process at once to be worth it: about ten times what it costs.
const worthwhile = 100_000

// wake is the wake rule. Under one GIL a thread is woken only if fewer threads
// drain the lane than are wanted. Between processes it depends on how long
// requests take: if that is longer than a wake-up costs, one that nobody has in
// hand goes to a process that is idle; if not, one process serves them one after
// the other, and its ticker calls the others when that takes long.
func (p *Pool) wake(lane int, now int64) {
	if p.config.Seats || p.rouse(lane, now) {
		return
	}
	for i := range p.processes {
		if p.processes[i].open.Load() {
			p.arena.arm(i)
		}
	}
}

// rouse wakes a thread if that is worth it.
func (p *Pool) rouse(lane int, now int64) bool {
	if p.arena.isDrained(lane) && p.service.Load() < worthwhile && !p.crowded(lane) {
		return p.rouseWhere(lane, now, p.isDrained)
	}
	return p.rouseWhere(lane, now, p.isIdle) || p.rouseWhere(lane, now, p.anyProcess)
}

// rouseWhere wakes a thread in the first process that is chosen and wants one.
func (p *Pool) rouseWhere(lane int, now int64, chosen func(process, lane int) bool) bool {
	for i := range p.processes {
		if !p.processes[i].open.Load() || !p.arena.wantsDrainer(i, lane) || !chosen(i, lane) {
			continue
		}
		if p.arena.wakeWanted(i, lane, now) {
			if p.open.Load() > 1 {
				p.arena.arm(i) // it may turn out to be the wrong one
			}
			return true
		}
	}
	return false
}

func (p *Pool) isDrained(process, lane int) bool {
	return p.arena.drains(process, lane)
}
func (p *Pool) isIdle(process, _ int) bool { return p.arena.isIdle(process) }
func (p *Pool) anyProcess(_, _ int) bool   { return true }

// crowded reports whether more requests wait in the lane than one process makes
// short work of.
func (p *Pool) crowded(lane int) bool {
	const short = 32
	return p.open.Load() > 1 && p.queued(lane) > short
}

// gatherings is how often gather may wait.
const gatherings = 2

// gather lets the goroutines that are ready to submit as well do so before a
// thread is woken, which costs more than a short request: one wake-up will do
// for all. It goes on only as long as that brings something.
func (p *Pool) gather(lane int) {
	for i := 0; i < gatherings && !p.arena.isDrained(lane); i++ {
		before := p.pushed(lane)
		runtime.Gosched()
		if p.pushed(lane) == before {
			return
		}
	}
}
