package server

import (
	"sync/atomic"
	"time"
)

// The frames that only manage a connection of HTTP/2 cost the client nothing, and the server work: resets (CVE-2023-44487),
// settings and pings (CVE-2019-9512, CVE-2019-9515), empty frames (CVE-2019-9518, CVE-2023-45288). net/http bounds the memory
// that floods of them take, and the handlers that run at once, but not the floods. Here each such frame takes one from a
// credit, which grows with time, and with the responses that the connection is there for. Whoever uses it up is cut off.
const (
	fullCredit      = 1000
	creditPerSecond = 20
	creditPerFrame  = 4    // of a response: a client may well answer it with two window updates, or reset it
	creditBytes     = 1024 // of a response give one more
)

// A credit is what a client may still send. Who reads from the client spends, who writes to it earns.
type credit struct {
	left    atomic.Int64
	counted time.Time // when it grew last by the time that passed
}

func newCredit() *credit {
	c := &credit{counted: time.Now()}
	c.left.Store(fullCredit)
	return c
}

// spend takes what f costs. It reports false when that was too much.
func (c *credit) spend(f *frame) bool { return f.isFree() || c.left.Add(-1) >= 0 || c.age() }

// isFree reports whether a frame is part of a request: those have limits of their own. A piece of a body that is empty, or may
// be nothing but padding, is not, unless it ends the body.
func (f *frame) isFree() bool {
	return f.kind == frameHeaders || f.kind == frameData && (f.flags&flagEndStream != 0 || f.length > f.padding())
}

// padding is how much of the payload may be no data. What it is in truth says the payload.
func (f *frame) padding() int {
	if f.flags&flagPadded != 0 {
		return maxPadding
	}
	return 0
}

// age makes up for what is missing with the time since it did so last, if that is enough.
func (c *credit) age() bool {
	now := time.Now()
	earned := int64(now.Sub(c.counted).Seconds() * creditPerSecond)
	if earned <= 0 {
		return false
	}
	c.counted = now
	c.left.Store(min(earned, fullCredit) - 1)
	return true
}

// earn gives what f is worth, which was sent to the client.
func (c *credit) earn(f *frame) {
	if f.kind != frameHeaders && f.kind != frameData {
		return
	}
	if c.left.Add(creditPerFrame+int64(f.length/creditBytes)) > fullCredit {
		c.left.Store(fullCredit)
	}
}
