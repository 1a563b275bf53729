package scripts

import (
	"context"
	"net/http"
	"time"

	"gild/cpython"
	"gild/logs"
	"gild/server"

	"github.com/pkg/errors"
)

// refusal is why a request has no response of the application, as an HTTP status.
type refusal struct {
	status int
	reason string // for the log, in mod_wsgi's words; "": it is there already
}

func (r *refusal) Error() string { return r.reason }

// judge deals with a request that is over without a usable response. It returns nil if the request was queued again.
func (e *Engine) judge(g *group, slot *cpython.Request, x *server.Exchange, begun bool) error {
	verdict := slot.Verdict()
	if verdict == cpython.Retry && !begun {
		return g.retry(x.Request.Context(), e.log, slot, connectionOf(x))
	}
	if begun {
		return errors.Errorf("%s; the response is incomplete", reasons[verdict])
	}
	if !slot.GivenUp() {
		return &refusal{verdict, ""} // who refused it has logged why
	}
	return &refusal{verdict, reasons[verdict]}
}

// reasons are what the log says about a verdict, with the name of the process group after it.
var reasons = map[int]string{
	http.StatusBadGateway:         "The process that served the request died, or broke the protocol, before its response was complete",
	http.StatusServiceUnavailable: "Unable to connect to a WSGI daemon process: none is there to take requests",
	http.StatusGatewayTimeout:     "Timeout when reading the response",
}

// retry has another process serve a request that the first one did not begin with, because its script had changed or
// because it was about to end (section 5.4).
func (g *group) retry(ctx context.Context, log logs.Logger, slot *cpython.Request, c *connection) error {
	if slot.Attempts() > 2*g.MaximumProcesses {
		return &refusal{http.StatusServiceUnavailable, "Maximum number of WSGI daemon process restart connects reached"}
	}
	logs.Printf(log, logs.Info, "wsgi", "Reconnecting after WSGI daemon process '%s' restart, attempt #%d.", g.Name, slot.Attempts()+1)
	slot.Refused()
	seat, err := g.seat(ctx, c)
	if err != nil {
		return err
	}
	slot.Resubmit(seat)
	return nil
}

// retryAfter is when a client that was turned away may try again.
const retryAfter = 5 * time.Second

// fail answers a request that the application did not, or tears its response.
func (e *Engine) fail(x *server.Exchange, g *group, err error) {
	var r *refusal
	switch {
	case errors.As(err, &r):
		e.refuse(x, g, r)
	case err == cpython.ErrBusy:
		e.refuse(x, g, &refusal{http.StatusServiceUnavailable,
			"Unable to connect to a WSGI daemon process after multiple attempts as the backlog limit was exceeded or no process is there"})
	case err == cpython.ErrNoSeat:
		e.refuse(x, g, &refusal{http.StatusGatewayTimeout, "Queue timeout expired: no thread became free"})
	case err == cpython.ErrEnvironTooLarge:
		x.Error(http.StatusRequestHeaderFieldsTooLarge)
	default:
		x.Abort(err)
	}
}

func (e *Engine) refuse(x *server.Exchange, g *group, r *refusal) {
	if r.reason != "" && e.log.Enabled(logs.Error) {
		e.log.Log(logs.Record{Level: logs.Error, Module: "wsgi", Client: x.Request.RemoteAddr, ID: x.ID(),
			Message: r.reason + " (process group '" + g.Name + "')."})
	}
	if r.status == http.StatusServiceUnavailable {
		x.Unavailable(retryAfter)
		return
	}
	x.Error(r.status)
}
