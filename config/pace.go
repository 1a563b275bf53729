package config

import (
	"fmt"
	"time"
)

// A Pace is how long a client may take to send something, as Apache's RequestReadTimeout counts it: Timeout at first, and for
// each MinRate bytes that have come a second more, up to Max.
type Pace struct {
	Timeout time.Duration // 0: any time, if each byte comes within Timeouts.Socket
	Max     time.Duration // more than Timeout; 0: no bound
	MinRate int           // bytes; 0: they give no more time
}

// mostRate is more bytes a second than anybody would ask of a client.
const mostRate = 1 << 30

// timeouts replaces the 0 that means "no time of its own": nothing waits for ever. For a body it stands: how long it may be is
// known (LimitRequestBody), and the wait for each byte of it is bounded.
func (r *request) timeouts() {
	t := &r.Timeouts
	r.pace(&t.Header, "header")
	r.pace(&t.Body, "body")
	if t.Header.Timeout == 0 {
		t.Header = Pace{Timeout: t.Socket}
	}
	if t.ResponseSocket == 0 {
		t.ResponseSocket = t.Socket
	}
}

// pace settles what the three options about one thing mean together. Apache refuses a range without a rate, and one that ends
// before it begins; a bound that nobody has asked for makes room instead.
func (r *request) pace(p *Pace, what string) {
	timeout, most, rate := "--"+what+"-timeout", "--"+what+"-max-timeout", "--"+what+"-min-rate"
	switch {
	case p.Timeout == 0:
		r.pointlessAt(most, timeout)
		r.pointlessAt(rate, timeout)
		p.Max, p.MinRate = 0, 0
	case p.MinRate == 0:
		r.pointlessAt(most, rate)
		p.Max = 0
	case p.Max == 0 || p.Max > p.Timeout:
	case r.given[most]:
		r.complain(most, fmt.Errorf("%v is not more than the %v of %s; choose more, or 0 for no bound", p.Max, p.Timeout, timeout))
	default: // the time that was asked for is as long as the one that is usual at most
		p.Max = 0
	}
}

// pointlessAt warns of an option that does nothing because another is 0.
func (r *request) pointlessAt(option, zero string) {
	if r.given[option] {
		r.warn(option, "without effect, because %s is 0", zero)
	}
}
