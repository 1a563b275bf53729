package server

import (
	"math"
	"sync/atomic"
	"time"
)

// A Pace is how long a client may take to send something: a head or a body. The arithmetic is that of Apache's mod_reqtimeout
// (RequestReadTimeout): Timeout at first, a second more for each MinRate bytes that have come, up to Max.
//
// One thing differs: the time in which nobody waits for the client, because the application does something else between
// two reads, is not the client's and not counted.
type Pace struct {
	Timeout time.Duration // from the first wait to the last byte; 0: as long as every single wait ends within Timeouts.Socket
	Max     time.Duration // what Timeout grows to at most; 0: no bound
	MinRate int           // bytes that extend Timeout by one second, each byte by its share; 0: it is not extended
}

// forever is longer than anything is waited for.
const forever = time.Duration(math.MaxInt64)

// allows is how long n bytes may take.
func (p *Pace) allows(n int64) time.Duration {
	switch {
	case p.Timeout == 0:
		return forever
	case p.MinRate == 0:
		return p.Timeout
	}
	long := float64(p.Timeout) + float64(n)/float64(p.MinRate)*float64(time.Second)
	if p.Max > 0 {
		long = min(long, float64(max(p.Max, p.Timeout)))
	}
	if long >= float64(forever) {
		return forever
	}
	return time.Duration(long)
}

// A turn is what a client has to send on a socket, measured against its Pace. The zero value is none.
type turn struct {
	pace   *Pace
	socket time.Duration // longest wait for a single byte
	began  time.Time     // of the present wait
	waited time.Duration // before it
	bytes  int64         // that have come
	plain  int64         // of which so many were given to the reader
}

// newTurn begins something now; resume begins the first wait.
func (s *Server) newTurn(p *Pace) turn { return turn{pace: p, socket: s.timeouts.Socket} }

// resume begins a wait, pause ends it.
func (t *turn) resume(now time.Time) { t.began = now }
func (t *turn) pause(now time.Time)  { t.waited += now.Sub(t.began) }

// deliver counts n bytes given to the reader. TLS may have kept them since before the turn began.
func (t *turn) deliver(n int) {
	t.plain += int64(n)
	t.bytes = max(t.bytes, t.plain)
}

// until is when the client is out of time if no more comes after now.
func (t *turn) until(now time.Time) time.Time {
	left := t.pace.allows(t.bytes) - t.waited - now.Sub(t.began)
	return now.Add(min(left, t.socket))
}

// A pacer measures what comes on a stream, where nobody sees the bytes of the network: it counts the beats of the patrol at
// which the handler waits for the client. That is right in the mean for many short waits, and two seconds late at most for one.
type pacer struct {
	waits  wait
	waited time.Duration // for the patrol
}

// overdue is asked at each beat, and reports that n bytes have taken too long. It is true once.
func (c *pacer) overdue(now int64, t *Timeouts, n int64) bool {
	since := c.waits.since.Load()
	if since == 0 {
		return false
	}
	c.waited += beat
	single := time.Duration(now-since) * beat
	if c.waited-beat < t.Body.allows(n) && single-beat < t.Socket {
		return false
	}
	return c.waits.since.CompareAndSwap(since, 0)
}

// A wait is the beat at which somebody began to wait; 0: nobody waits.
type wait struct{ since atomic.Int64 }

func (w *wait) begin(p *patrol) { w.since.Store(p.now.Load()) }
func (w *wait) end()            { w.since.Store(0) }

// overdue reports whether the wait has lasted as long as the limit, since the end of the beat in which it began. It is true
// once.
func (w *wait) overdue(now int64, limit time.Duration) bool {
	since := w.since.Load()
	return since != 0 && time.Duration(now-since-1)*beat >= limit && w.since.CompareAndSwap(since, 0)
}
