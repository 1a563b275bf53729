package server

import (
	"errors"
	"os"
	"time"
)

// A deadline sets the timer of one direction of a connection as rarely as it can. Setting one costs some hundred
// nanoseconds, and net/http moves the read deadline four times per request. So the armed timer may be too early, never
// too late: when it fires before the time that is wanted, it is armed again and the operation repeated.
type deadline struct {
	arm   func(time.Time) error // the socket's SetReadDeadline or SetWriteDeadline
	armed time.Time             // what the socket was last told; zero is never
	want  time.Time             // when the next operation has to fail; zero is never
}

// prepare makes sure that an operation begun now does not outlive want.
func (d *deadline) prepare() {
	if !d.want.IsZero() && (d.armed.IsZero() || d.want.Before(d.armed)) {
		d.rearm()
	}
}

// early reports whether err is the timer's and came before want. It has then been armed again: repeat the operation.
func (d *deadline) early(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || !d.want.IsZero() && !time.Now().Before(d.want) {
		return false
	}
	return d.rearm() == nil
}

func (d *deadline) rearm() error {
	d.armed = d.want
	return d.arm(d.want)
}
