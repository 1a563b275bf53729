package server

import (
	"context"
	"net/http"
	"time"
)

// The stages in the life of a Server. It never goes back to an earlier one.
const (
	serving  int32 = iota
	draining       // nothing new is accepted; each response ends its connection
	closing        // idle connections end, too
	aborted        // every connection ends as it stands
)

// newcomerGrace is how long a connection without a request may take to send one during Shutdown.
const newcomerGrace = 250 * time.Millisecond

// How long clients of HTTP/2 may go on opening streams after they were asked not to: more than what they have sent in the
// meantime needs to get here (RFC 9113 section 6.8).
const (
	goAwayBeat  = 100 * time.Millisecond
	goAwayGrace = 10 // beats
)

// Drain leaves without a loss, while somebody else accepts on the same sockets. It closes the listeners and keeps the
// connections. From now on each response of HTTP/1 says "Connection: close" and ends its connection; one that is idle may
// send one more request until its keep-alive time is over, one that was accepted and has sent nothing yet until the header
// timeout is. Clients of HTTP/2 are asked to open no more streams, and a second later told that no others are served. It
// returns nil when there are no connections left.
//
// Orphans are positions in Options.Listeners: sockets on which nobody else will accept. They take no new connections from
// now on; those in their queue are accepted like any before Drain. Then the socket is closed, and clients are refused.
//
// When ctx ends first every connection is closed as it stands and the error of ctx is returned; handlers may then still
// be running. It may be called by any goroutine, and before Serve, which then accepts nothing.
func (s *Server) Drain(ctx context.Context, orphans ...int) error {
	s.retire(draining, orphans...)
	s.sessions.each((*session).bidFarewell)
	go s.dismiss()
	return s.wait(ctx)
}

// dismiss tells clients of HTTP/2 that no more streams are served, when all of them have known for a while: also those of
// connections that were accepted before Drain and are not through their handshake yet.
func (s *Server) dismiss() {
	tick := time.NewTicker(goAwayBeat)
	defer tick.Stop()
	for quiet := 0; quiet < goAwayGrace; quiet++ {
		select {
		case <-tick.C:
		case <-s.over:
			return
		}
		if s.gate.greets() {
			quiet = 0
		}
	}
	s.finishH2()
}

// Shutdown is Drain in a hurry: it closes the idle connections, too, and waits only for the requests that are running. A
// connection that was accepted but has sent nothing yet gets a moment to do so. It may be called while Drain waits.
func (s *Server) Shutdown(ctx context.Context) error {
	s.retire(closing)
	s.hurry()
	s.finishH2()
	s.gate.each(client.hurryAlong)
	return s.wait(ctx)
}

// retire reaches a stage after serving, in which nothing is accepted but what is in the queues of orphans.
func (s *Server) retire(stage int32, orphans ...int) {
	s.reach(stage)
	s.retired.Do(func() {
		if left := s.adopt(orphans); len(left) > 0 {
			s.closeListeners(left...)
			s.gate.hold()
			go s.empty(left)
		} else {
			s.stopAccepting()
		}
		if s.quic != nil {
			s.quic.drain()
		}
	})
}

// stopAccepting ends accepting for good.
func (s *Server) stopAccepting() {
	s.stopped.Do(func() {
		close(s.stopping)
		s.gate.close()
		s.closeListeners()
	})
}

// reach goes to a stage, unless the server is past it.
func (s *Server) reach(stage int32) {
	for now := s.stage.Load(); now < stage; now = s.stage.Load() {
		if s.stage.CompareAndSwap(now, stage) {
			return
		}
	}
}

// leaving reports whether connections end with the response.
func (s *Server) leaving() bool { return s.stage.Load() >= draining }

// wait waits for the last connection and ends what is left when ctx does.
func (s *Server) wait(ctx context.Context) error {
	var err error
	select {
	case <-s.gate.empty():
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.stopAccepting()
	s.reach(aborted)
	s.hurry()
	s.gate.each(client.abort)
	s.ended.Do(func() { close(s.over) })
	if s.quic != nil {
		s.quic.close()
	}
	s.closeExtra()
	return err
}

// hurryAlong is called from Shutdown's goroutine: it bounds the wait of a connection for a head.
func (k *socket) hurryAlong() {
	switch state := k.standing(); {
	case state == http.StateNew:
		_ = k.Conn.SetReadDeadline(time.Now().Add(newcomerGrace))
	case state == http.StateIdle && !k.shared.Load():
		_ = k.Conn.SetReadDeadline(longAgo)
	}
}

// hurry bounds the wait for a head in the connection's own goroutine.
func (k *socket) hurry() {
	if soon := time.Now().Add(newcomerGrace); k.read.want.IsZero() || soon.Before(k.read.want) {
		k.read.want = soon
		k.read.prepare()
	}
}
