package scripts

import (
	"context"
	"net/http"
	"time"

	"gild/cpython"
	"gild/logs"

	"github.com/pkg/errors"
)

// permissionPatience is how long the permission script is waited for: a client is in its handshake meanwhile, and goes
// away soon.
const permissionPatience = 10 * time.Second

// ErrNotPermitted is returned by Permit when the permission script said no.
var ErrNotPermitted = errors.New("the permission script refuses the name")

// Permit asks the permission script whether a certificate may be obtained for a host name, which is in lower case. It
// returns nil only if allow_certificate(name) returned True; ErrNotPermitted if it returned False or None; and otherwise why
// there is no answer, which is in the log then: what it raised, that it took too long, that it is not there. Any goroutine may
// call it. It blocks until the answer, the end of ctx, or for 10 seconds.
func (e *Engine) Permit(ctx context.Context, name string) error {
	if e.permit == nil {
		return errors.New("there is no permission script")
	}
	ctx, cancel := context.WithTimeout(ctx, permissionPatience)
	defer cancel()
	err := e.permit.ask(ctx, e.log, name)
	if err != nil && err != ErrNotPermitted {
		err = errors.Wrapf(err, "permission script '%s', asked for %.255q", e.permit.path, name)
		logs.Printf(e.log, logs.Error, "wsgi", "%v; the name is not permitted.", err)
	}
	return err
}

// ask makes a request without a client of the question, and an error of everything but True.
func (p *permission) ask(ctx context.Context, log logs.Logger, name string) error {
	caller := new(connection)
	defer caller.ConnectionEnd()
	seat, err := p.seat(ctx, caller)
	if err != nil {
		return err
	}
	slot, err := p.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer slot.Release()
	// What the status page and the log of a crash show as the request.
	slot.Add("REQUEST_METHOD", permissionCallable)
	slot.Add("REQUEST_URI", name)
	slot.EndInput(cpython.Complete)
	if err := slot.Submit(ctx, p.application, 0, time.Now(), seat); err != nil {
		return err
	}
	if err := p.await(ctx, log, slot, caller); err != nil {
		return err
	}
	return answer(slot)
}

// await waits until Python is through, and asks another process where one was about to go.
func (p *permission) await(ctx context.Context, log logs.Logger, slot *cpython.Request, caller *connection) error {
	for {
		for !slot.Done() {
			slot.WaitContext(ctx)
		}
		switch verdict := slot.Verdict(); verdict {
		case 0:
			return nil
		case cpython.Retry:
			if err := p.retry(ctx, log, slot, caller); err != nil {
				return err
			}
		default:
			return unanswered(ctx, verdict)
		}
	}
}

// unanswered says why the script did not come to an answer.
func unanswered(ctx context.Context, verdict int) error {
	switch {
	case ctx.Err() == context.Canceled:
		return errors.New("the client did not wait for the answer")
	case verdict == http.StatusGatewayTimeout:
		return errors.New("it took too long")
	case verdict == http.StatusServiceUnavailable:
		return errors.New("no process is there to run it")
	}
	return errors.New("its process died, or broke the protocol")
}

// answer reads the response that permission.py made of what the script returned.
func answer(slot *cpython.Request) error {
	head, err := slot.Head()
	switch {
	case err != nil:
		return err
	case head == nil || slot.End() != cpython.Complete:
		return errors.New("it failed, or could not be loaded; the log has the reason")
	case head.Status == http.StatusOK:
		return nil
	case head.Status == http.StatusForbidden:
		return ErrNotPermitted
	}
	complaint, err := slot.Output()
	if err != nil {
		return err
	}
	return errors.New(string(complaint))
}
