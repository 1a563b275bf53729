package scripts

import (
	"time"

	"gild/cpython"
	"gild/server"
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

// wait waits for news of the slot, and flushes when none comes soon.
func (f *flusher) wait(slot *cpython.Request, x *server.Exchange) error {
	if f.pending > 0 {
		if f.since.IsZero() {
			f.since = time.Now()
		}
		rest := f.group.ResponseFlushDelay - time.Since(f.since)
		if f.pending < f.group.ResponseBufferSize && slot.WaitFor(rest) {
			return nil
		}
		f.pending, f.since = 0, time.Time{}
		if err := x.FlushError(); err != nil {
			return err
		}
	}
	slot.Wait()
	return nil
}
