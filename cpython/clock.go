package cpython

import (
	"time"

	"golang.org/x/sys/unix"
)

// A clock reads CLOCK_MONOTONIC in nanoseconds, as the C side does. Go's own
// monotonic reading is the same clock at the price of no system call, but from
// another origin.
type clock struct {
	origin time.Time
	offset int64
}

func newClock() clock {
	best, gap := clock{}, time.Hour
	for range 5 { // the two readings belong together if nothing came between them
		var now unix.Timespec
		origin := time.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			panic("cpython: no CLOCK_MONOTONIC: " + err.Error())
		}
		if between := time.Since(origin); between < gap {
			best, gap = clock{origin: origin, offset: now.Nano()}, between
		}
	}
	return best
}

func (c clock) now() int64 { return c.offset + int64(time.Since(c.origin)) }
