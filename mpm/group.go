package mpm

import "slices"

// group is a process group of a generation.
type group struct {
	Group
	generation *generation
	index      int      // in Plan.Groups
	places     []*place // one for each process there is to be
	records    []record // of its arena; none without a front
	waiting    []*place // these need a record
	scale      scale
}

// record is what the supervisor knows of a process record of an arena. One is used again only when the front has cleaned up behind
// its last process: until then the front may find that process' requests by it.
type record uint8

// The states of a record.
const (
	free record = iota
	taken
	unburied // its process is dead, and the front has not said "buried"
)

// newGroup returns the group with a place for each of its first processes.
func newGroup(g *generation, index int) *group {
	p := &group{Group: g.plan.Groups[index].normal(), generation: g, index: index}
	if g.plan.Front != nil {
		p.records = make([]record, p.Records)
	}
	for range p.Processes {
		p.places = append(p.places, newPlace(p))
	}
	return p
}

// newPlace returns a place of p; nothing is started.
func newPlace(p *group) *place {
	t := &place{kind: worker, generation: p.generation, group: p}
	if p.generation.plan.Front != nil {
		t.kind = daemon
	}
	return t
}

// take returns a free record, which is then taken, or -1 if there are records but none is free. Without any it is -1 and true.
func (p *group) take() (index int, ok bool) {
	if len(p.records) == 0 {
		return -1, true
	}
	index = slices.Index(p.records, free)
	if index >= 0 {
		p.records[index] = taken
	}
	return index, index >= 0
}

// release makes the record, if it is one and in the state from, free; who waits for it is served.
func (s *Supervisor) release(p *group, index int, from record) {
	if index < 0 || index >= len(p.records) || p.records[index] != from {
		return
	}
	p.records[index] = free
	for len(p.waiting) > 0 && slices.Contains(p.records, free) {
		t := p.waiting[0]
		p.waiting = p.waiting[1:]
		s.fill(t)
	}
}

// wait has t filled when a record becomes free.
func (p *group) wait(t *place) {
	if !slices.Contains(p.waiting, t) {
		p.waiting = append(p.waiting, t)
	}
}
