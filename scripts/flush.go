package scripts

import (
	"time"
)

// A flusher decides when what the application has written so far must be seen by the client. While more may come in a
// moment, it waits for that, so that a response in many small pieces is not as many packets (--response-flush-delay), but
// not after so many bytes (--response-buffer-size).
type flusher struct {
	group   *group
	pending int       // bytes passed on and not flushed; the head counts as one
	since   time.Time // when it first waited with them; zero: it has not
}

// passed counts n bytes.
func (f *flusher) passed(n int) { f.pending += n }

// A waiter is what more of the response comes from: the slot, or the spool of the relief.
type waiter interface {
	Wait()
	WaitFor(d time.Duration) bool
}

// wait waits for news, or flushes when none comes soon: then the next call waits.
func (f *flusher) wait(from waiter, d *delivery) error {
	if f.pending == 0 {
		from.Wait()
		return nil
	}
	if f.since.IsZero() {
		f.since = time.Now()
	}
	rest := f.group.ResponseFlushDelay - time.Since(f.since)
	if f.pending < f.group.ResponseBufferSize && from.WaitFor(rest) {
		return nil
	}
	f.pending, f.since = 0, time.Time{}
	return d.flush()
}
