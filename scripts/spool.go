package scripts

import (
	"errors"
	"sync"
	"time"
)

// A spool is what of one response was taken from its slot and not yet by its client. One goroutine puts, another takes.
type spool struct {
	store  *store
	limit  int         // bytes that it holds, at least a piece
	wanted func() bool // whether others wait for the thread that is held up if there is no room: then the limit is stretched

	mu     sync.Mutex
	pieces []kept // the oldest first
	unread int    // bytes
	ended  bool   // nothing more will be put
	fault  error  // why it ended; nil: the response is complete
	closed bool   // nothing more will be taken

	news chan struct{} // capacity 1: something was put
	room chan struct{} // capacity 1: something was taken
}

// stretch is how many times its limit a spool may hold while others wait for the thread.
const stretch = 16

func newSpool(s *store, limit int, wanted func() bool) *spool {
	return &spool{store: s, limit: limit, wanted: wanted, news: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// What put may fail with.
var (
	errLeft = errors.New("the client has left")
	errFull = errors.New("slow clients have left no room for what this one does not take")
)

// How long put waits for its client to take something. A thread waits meanwhile.
const (
	patience = 100 * time.Millisecond // when there is no room for anybody
	glance   = 50 * time.Millisecond  // until it looks again whether somebody else waits for the thread
)

// put adds p, as soon as there is room for it.
func (s *spool) put(p []byte) error {
	for len(p) > 0 {
		piece := p[:min(len(p), blockSize)]
		switch err := s.add(piece); err {
		case nil:
			p = p[len(piece):]
			signal(s.news)
		case errLimit:
			await(s.room, glance)
		case errFull:
			if !await(s.room, patience) {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// errLimit is that of add when there is as much as there may be of one response.
var errLimit = errors.New("enough of this response is kept")

// add keeps a piece if there is room. An empty spool always has room, so that the response gets on.
func (s *spool) add(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errLeft
	case s.unread > 0 && s.isOver(s.unread+len(p)):
		return errLimit
	case !s.keep(p):
		return errFull
	}
	s.unread += len(p)
	return nil
}

// isOver reports whether so many bytes are more than there may be.
func (s *spool) isOver(bytes int) bool {
	return bytes > s.limit && (bytes > stretch*s.limit || !s.wanted())
}

// keep has the store keep a piece, together with the one before it if they are small.
func (s *spool) keep(p []byte) bool {
	if n := len(s.pieces); n > 0 && s.store.grow(&s.pieces[n-1], p) {
		return true
	}
	k, ok := s.store.keep(p, s.unread == 0)
	if ok {
		s.pieces = append(s.pieces, k)
	}
	return ok
}

// isClosed reports whether nothing more will be taken.
func (s *spool) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// end says that nothing more will be put, because of fault or because the response is complete.
func (s *spool) end(fault error) {
	s.mu.Lock()
	s.ended, s.fault = true, fault
	s.mu.Unlock()
	signal(s.news)
}

// take moves some of the oldest bytes to p, which are none if there is nothing at the moment; ended tells that there will not
// be any more. The error is that of the store, or the one that the response has ended with.
func (s *spool) take(p []byte) (n int, ended bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pieces) == 0 {
		return 0, s.ended, s.fault
	}
	first := &s.pieces[0]
	n, err = s.store.take(first, p)
	s.unread -= n
	if first.read == first.size {
		s.store.drop(first)
		s.pieces = s.pieces[1:]
	}
	signal(s.room)
	return n, false, err
}

// close gives up what nobody will take.
func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for i := range s.pieces {
		s.store.drop(&s.pieces[i])
	}
	s.pieces, s.unread = nil, 0
	signal(s.room)
}

// Wait waits until something was put or the spool has ended.
func (s *spool) Wait() { <-s.news }

// WaitFor is Wait for d at most. It returns false when nothing has come.
func (s *spool) WaitFor(d time.Duration) bool { return d > 0 && await(s.news, d) }

// await waits for a signal, for d at most.
func await(c chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// signal fills a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
