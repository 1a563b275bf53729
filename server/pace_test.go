package server

import (
	"testing"
	"time"
)

var paceCases = []struct {
	name  string
	pace  Pace
	bytes int64
	want  time.Duration
}{
	{"S38, nothing yet", Pace{15 * time.Second, 30 * time.Second, 500}, 0, 15 * time.Second},
	{"S39, 500 bytes are a second", Pace{15 * time.Second, 30 * time.Second, 500}, 500, 16 * time.Second},
	{"each byte its share", Pace{15 * time.Second, 30 * time.Second, 500}, 1, 15*time.Second + 2*time.Millisecond},
	{"just the most", Pace{15 * time.Second, 30 * time.Second, 500}, 7500, 30 * time.Second},
	{"S39, not beyond the most", Pace{15 * time.Second, 30 * time.Second, 500}, 7501, 30 * time.Second},
	{"S41, no bound", Pace{15 * time.Second, 0, 500}, 5_000_000, 10_015 * time.Second},
	{"no rate", Pace{15 * time.Second, 30 * time.Second, 0}, 1 << 40, 15 * time.Second},
	{"no time", Pace{0, 30 * time.Second, 500}, 0, forever},
	{"more than there is", Pace{15 * time.Second, 0, 1}, 1<<63 - 1, forever},
}

// TestPace: what mod_reqtimeout would allow.
func TestPace(t *testing.T) {
	for _, c := range paceCases {
		if got := c.pace.allows(c.bytes); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// FuzzPace: more bytes never give less time, and there is never less than the first time nor more than the most.
func FuzzPace(f *testing.F) {
	f.Add(uint16(15), uint16(30), uint16(500), int64(1), int64(2))
	f.Fuzz(func(t *testing.T, timeout, most, rate uint16, n, more int64) {
		p := Pace{time.Duration(timeout) * time.Second, time.Duration(most) * time.Second, int(rate)}
		if n < 0 || more < n {
			t.Skip()
		}
		first, then := p.allows(n), p.allows(more)
		tooLong := timeout > 0 && rate > 0 && most > 0 && then > max(p.Max, p.Timeout)
		if then < first || first < p.Timeout || tooLong {
			t.Errorf("%+v allows %v for %d bytes and %v for %d", p, first, n, then, more)
		}
	})
}

// TestTurn: the time between two waits is not the client's, and no wait is longer than that for a single byte.
func TestTurn(t *testing.T) {
	s := &Server{timeouts: Timeouts{Socket: 20 * time.Second}}
	turn := s.newTurn(&Pace{15 * time.Second, 60 * time.Second, 10})
	begin := time.Unix(1e9, 0)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	check := func(now, want int) {
		t.Helper()
		if got := turn.until(at(now)); !got.Equal(at(want)) {
			t.Errorf("at %d s: until %v s, want %d", now, got.Sub(begin).Seconds(), want)
		}
	}
	turn.resume(at(0))
	check(0, 15)
	turn.bytes = 50
	check(5, 20)
	turn.pause(at(10))
	turn.resume(at(100)) // 10 of 20 s are used up
	check(100, 110)
	turn.bytes = 1000
	check(100, 120) // of the 60 s there are 50 left, but not for the next byte
	check(145, 150)
}

// TestPacer: a wait that the patrol sees at each beat ends one beat after its time, and one that it sees at times only counts so often.
func TestPacer(t *testing.T) {
	limits := &Timeouts{Body: Pace{Timeout: 3 * time.Second, MinRate: 10}, Socket: 10 * time.Second}
	for _, c := range []struct {
		name  string
		waits string // at each beat: w, it waits; -, it does not; +, it waits, after 10 more bytes
		want  int    // beat at which it is overdue; 0: never
	}{
		{"without a pause", "wwwwww", 4},
		{"with a pause", "ww---www", 7},
		{"with some bytes", "w+wwwww", 5},
		{"a single byte", "++++++++++++", 0},
	} {
		var p patrol
		var r pacer
		p.now.Store(1)
		bytes, got := int64(0), 0
		for i, how := range c.waits {
			switch {
			case how == '-':
				r.waits.end()
			case how == '+':
				bytes += 10
				r.waits.begin(&p)
			case r.waits.since.Load() == 0:
				r.waits.begin(&p)
			}
			if r.overdue(p.now.Add(1), limits, bytes) && got == 0 {
				got = i + 1
			}
		}
		if got != c.want {
			t.Errorf("%s: overdue at beat %d, want %d", c.name, got, c.want)
		}
	}
}
