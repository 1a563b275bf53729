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
	Protocols   Protocols   `json:"protocols"`           // the same by protocol
	Sent        uint64      `json:"sent_bytes"`          // to clients, heads included
	Received    uint64      `json:"received_bytes"`      // from clients, heads included
	Rate        float64     `json:"requests_per_second"` // over the last ten seconds, or since New if nobody samples
	Connections Connections `json:"connections"`

	HandshakeFailures uint64 `json:"handshake_failures"` // connections of TLS and QUIC that ended in their handshake
}

// Protocols are responses by the protocol they were sent in.
type Protocols struct {
	HTTP1 uint64 `json:"http1"` // 1.0 and 1.1
	HTTP2 uint64 `json:"http2"`
	HTTP3 uint64 `json:"http3"`
}

// Connections are the clients of this moment.
type Connections struct {
	Open   int `json:"open"`   // all of them
	Active int `json:"active"` // in a request
	Idle   int `json:"idle"`   // kept, between two requests. The rest has not sent a request yet
	Limit  int `json:"limit"`  // of Open
	TLS    int `json:"tls"`    // of Open, those on a port of HTTPS
	QUIC   int `json:"quic"`   // of Open, those of HTTP/3
}

// counters is the part of Counters that grows. Any goroutine may count.
type counters struct {
	responses      [4][6]atomic.Uint64 // by the major version of HTTP, then as Counters.Statuses; nothing is in [0]
	sent, received atomic.Uint64
	handshakes     atomic.Uint64 // that failed
	rate           rate
}

// count adds a response: the major version of HTTP, 1 to 3, its status, and the bytes received and sent for it.
func (n *counters) count(version, status int, in, out int64) {
	class := status / 100
	if class >= len(n.responses[version]) {
		class = 0
	}
	n.responses[version][class].Add(1)
	n.received.Add(uint64(in))
	n.sent.Add(uint64(out))
}

// move adds bytes that belong to no response.
func (n *counters) move(in, out int64) {
	n.received.Add(uint64(in))
	n.sent.Add(uint64(out))
}

func (n *counters) requests() (total uint64) {
	for version := range n.responses {
		for class := range n.responses[version] {
			total += n.responses[version][class].Load()
		}
	}
	return total
}

// tally fills in the responses, each kind of sum from the same numbers.
func (n *counters) tally(c *Counters) {
	var versions [len(n.responses)]uint64
	for version := range n.responses {
		for class := range n.responses[version] {
			count := n.responses[version][class].Load()
			c.Requests += count
			c.Statuses[class] += count
			versions[version] += count
		}
	}
	c.Protocols = Protocols{HTTP1: versions[1], HTTP2: versions[2], HTTP3: versions[3]}
}

// Counters returns what was counted so far. It looks at every connection, so it is for people and their tools, not for
// each request. Any goroutine may call it.
func (s *Server) Counters() Counters {
	n := &s.counters
	c := Counters{Sent: n.sent.Load(), Received: n.received.Load(), Connections: s.connections(), HandshakeFailures: n.handshakes.Load()}
	n.tally(&c)
	c.Rate = n.rate.perSecond(time.Now(), c.Requests)
	return c
}

// connections counts by what each says of itself.
func (s *Server) connections() Connections {
	n := Connections{Limit: s.limits.Clients}
	s.gate.each(func(c client) {
		n.Open++
		if k, ok := c.(*socket); !ok {
			n.QUIC++
		} else if k.info.Scheme == "https" {
			n.TLS++
		}
		switch c.standing() {
		case http.StateActive, http.StateHijacked: // a tunnel
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
