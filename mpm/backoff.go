package mpm

import "time"

// How long to wait before a process is started in place of another.
var (
	afterCrash   = backoff{first: 100 * time.Millisecond, most: 10 * time.Second}
	afterFailure = backoff{first: time.Second, most: 30 * time.Second}
)

// longLife is how long a process must have lived for its death to be an accident rather than one of a series.
const longLife = 10 * time.Second

// backoff is an exponential delay: first, doubled for each further attempt, up to most.
type backoff struct{ first, most time.Duration }

// delay is the wait before attempt number n, counted from 0.
func (b backoff) delay(n int) time.Duration {
	d := b.first
	for ; n > 0 && d < b.most; n-- {
		d *= 2
	}
	return min(d, b.most)
}
