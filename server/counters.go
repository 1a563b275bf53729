package server

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Counters are what a [Server] counts itself. They begin at zero with [New].
type Counters struct {
	Requests    uint64      `json:"requests"`            // responses that are over, refusals of unreadable requests included
	Statuses    [6]uint64   `json:"statuses"`            // those by the first digit of the status; [0] is every other number
	Sent        uint64      `json:"sent_bytes"`          // to clients, heads included
	Received    uint64      `json:"received_bytes"`      // from clients, heads included
	Rate        float64     `json:"requests_per_second"` // over the last ten seconds, or since New if nobody samples
	Connections Connections `json:"connections"`
}

// Connections are the clients of this moment.
type Connections struct {
	Open   int `json:"open"`   // all of them
	Active int `json:"active"` // in a request
	Idle   int `json:"idle"`   // kept, between two requests. The rest has not sent a request yet
	Limit  int `json:"limit"`  // of Open
}

// counters is the part of Counters that grows. Any goroutine may count.
type counters struct {
	statuses       [6]atomic.Uint64
	sent, received atomic.Uint64
	rate           rate
}

// count adds a response: its status, and the bytes received and sent for it.
func (n *counters) count(status int, in, out int64) {
	class := status / 100
	if class >= len(n.statuses) {
		class = 0
	}
	n.statuses[class].Add(1)
	n.received.Add(uint64(in))
	n.sent.Add(uint64(out))
}

func (n *counters) requests() (total uint64) {
	for i := range n.statuses {
		total += n.statuses[i].Load()
	}
	return total
}

// Counters returns what was counted so far. It looks at every connection, so it is for people and their tools, not for
// each request. Any goroutine may call it.
func (s *Server) Counters() Counters {
	n := &s.counters
	c := Counters{Requests: n.requests(), Sent: n.sent.Load(), Received: n.received.Load(), Connections: s.connections()}
	for i := range n.statuses {
		c.Statuses[i] = n.statuses[i].Load()
	}
	c.Rate = n.rate.perSecond(time.Now(), c.Requests)
	return c
}

// connections counts by what net/http says of each.
func (s *Server) connections() Connections {
	n := Connections{Limit: s.limits.Clients}
	s.gate.each(func(c *conn) {
		n.Open++
		switch http.ConnState(c.state.Load()) {
		case http.StateActive:
			n.Active++
		case http.StateIdle:
			n.Idle++
		}
	})
	return n
}

// rateWindow is how many seconds a rate looks back.
const rateWindow = 10

// A rate remembers a count at the last seconds.
type rate struct {
	mu    sync.Mutex
	marks [rateWindow]mark
	next  int // where the next mark goes: the oldest one, once all are set
}

type mark struct {
	at    time.Time
	count uint64
}

// add remembers that the count was so much at a time.
func (r *rate) add(at time.Time, count uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks[r.next] = mark{at, count}
	r.next = (r.next + 1) % rateWindow
}

// perSecond is the growth since the oldest mark.
func (r *rate) perSecond(now time.Time, count uint64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := r.marks[r.next]
	if oldest.at.IsZero() {
		oldest = r.marks[0]
	}
	seconds := now.Sub(oldest.at).Seconds()
	if seconds <= 0 || count < oldest.count {
		return 0
	}
	return float64(count-oldest.count) / seconds
}

// sample marks each second until stop is closed.
func (n *counters) sample(stop <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			n.rate.add(now, n.requests())
		case <-stop:
			return
		}
	}
}
