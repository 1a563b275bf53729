package scripts

import (
	"context"
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
	q := e.questions[askPermission]
	if q == nil {
		return errors.New("there is no permission script")
	}
	ctx, cancel := context.WithTimeout(ctx, permissionPatience)
	defer cancel()
	caller := new(connection)
	defer caller.ConnectionEnd()
	a, err := q.ask(ctx, e.log, caller, 0, func(slot *cpython.Request) {
		// What the status page and the log of a crash show as the request.
		slot.Add("REQUEST_METHOD", q.function)
		slot.Add("REQUEST_URI", name)
	})
	switch {
	case err != nil:
		err = errors.Wrapf(err, "permission script '%s', asked for %.255q", q.path, name)
		logs.Printf(e.log, logs.Error, "wsgi", "%v; the name is not permitted.", err)
		return err
	case a.word != answerTrue:
		return ErrNotPermitted
	}
	return nil
}
