package server

import (
	"sync"
	"sync/atomic"
)

// A session is a connection that carries many requests at once, each on a stream of its own: HTTP/2 or HTTP/3. Whoever
// makes one fills in what is exported to it below, calls open before the first request and close after the last.
type session struct {
	link   // nothing is kept in its note
	server *Server

	farewell func()                // asks the client to open no more streams; nil: somebody else does
	traffic  func() (int64, int64) // bytes received and sent since the connection began; nil: they are estimated
	over     func()                // called once, when it is closed and no handler runs any more

	served  atomic.Int64 // streams so far
	partial atomic.Int64 // bytes of a body that have come and are kept from the handler until the rest of their frame is there
	in, out atomic.Int64 // what of traffic was counted

	parted  sync.Once
	mu      sync.Mutex
	streams map[*stream]struct{} // that run a handler
	closed  bool
}

// open makes the session known to the server, which may be about to leave.
func (ss *session) open() {
	ss.server.sessions.add(ss)
	if ss.server.leaving() { // looked at after adding: Drain does it in the other order
		ss.bidFarewell()
	}
}

// bidFarewell does not wait for a client that takes nothing.
func (ss *session) bidFarewell() {
	if ss.farewell != nil {
		go ss.parted.Do(ss.farewell)
	}
}

// close is called when the connection has ended. Handlers may still be running; others must not begin.
func (ss *session) close() {
	ss.mu.Lock()
	ss.closed = true
	last := len(ss.streams) == 0
	ss.mu.Unlock()
	if last {
		ss.end()
	}
}

// enter takes a stream in. It reports false when the connection has ended.
func (ss *session) enter(st *stream) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return false
	}
	if ss.streams == nil {
		ss.streams = make(map[*stream]struct{})
	}
	ss.streams[st] = struct{}{}
	return true
}

// leave lets a stream go, after which the patrol does not touch it.
func (ss *session) leave(st *stream) {
	ss.mu.Lock()
	delete(ss.streams, st)
	last := ss.closed && len(ss.streams) == 0
	ss.mu.Unlock()
	if last {
		ss.end()
	}
}

func (ss *session) end() {
	ss.server.sessions.remove(ss)
	in, out := ss.take(0, 0)
	ss.server.counters.move(in, out)
	ss.over()
}

// take is how many bytes came and went since the last call, for the counters of the server: the sum over all streams is
// what the network has seen. Where that is not known it is what a stream has estimated.
func (ss *session) take(in, out int64) (int64, int64) {
	if ss.traffic == nil {
		return in, out
	}
	in, out = ss.traffic()
	return in - ss.in.Swap(in), out - ss.out.Swap(out)
}

// sessions are those of a server.
type sessions struct {
	mu  sync.Mutex
	all map[*session]struct{}
}

func (s *sessions) add(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*session]struct{})
	}
	s.all[ss] = struct{}{}
}

func (s *sessions) remove(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, ss)
}

// each calls f, which must not block, for the sessions of this moment.
func (s *sessions) each(f func(*session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ss := range s.all {
		f(ss)
	}
}
