package scripts

import (
	"net/http"
	"strconv"
	"strings"

	"gild/cpython"
	"gild/logs"
	"gild/server"

	"github.com/pkg/errors"
)

// ServeHTTP serves one request with the application. w must come from package server.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := server.From(w)
	x.Handler = "wsgi-handler"
	slot, err := e.pool.Acquire(r.Context())
	if err != nil {
		x.Error(http.StatusServiceUnavailable)
		return
	}
	e.serve(slot, x)
}

// serve owns the slot: it releases it when Python is through with it.
func (e *Engine) serve(slot *cpython.Request, x *server.Exchange) {
	body, length, err := e.openBody(slot, x)
	if err != nil {
		slot.Release()
		x.Abort(err) // the client was too slow, sent too much or has left
		return
	}
	e.environ(slot, x, length)
	if err := slot.Submit(0, e.flags(x.Request), x.Start); err != nil {
		body.release()
		slot.Release()
		body.abort()
		x.Error(http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	body.start()
	result := e.respond(slot, x)
	body.release()
	times := slot.Times()
	x.Times = server.Times{Queue: times.Queue, GIL: times.GIL, Application: times.Application, FirstByte: times.FirstByte}
	slot.Release()
	if result != nil {
		body.abort()
		x.Abort(result)
		return
	}
	body.finish()
}

func (e *Engine) flags(r *http.Request) uint32 {
	var flags uint32
	if r.Method == http.MethodHead {
		flags |= cpython.NoBody
	}
	if e.https {
		flags |= cpython.HTTPS
	}
	return flags
}

// errTorn is a response that the application did not finish; its log has the reason.
var errTorn = errors.New("the application failed while it answered")

// respond passes the response on as it comes, until Python is through. It returns an error if the response is not
// complete.
func (e *Engine) respond(slot *cpython.Request, x *server.Exchange) error {
	begun := false
	for {
		done := slot.Done() // looked at first: what was written before it is then visible
		if !begun {
			head, err := slot.Head()
			if err != nil {
				return e.finish(slot, err)
			}
			if head != nil {
				begun = true
				e.begin(slot, x, head, done)
			}
		}
		if begun {
			if err := e.copyBody(slot, x); err != nil {
				return e.finish(slot, err)
			}
		}
		if done {
			return e.end(slot, x, begun)
		}
		if begun {
			if err := x.FlushError(); err != nil {
				return e.finish(slot, err)
			}
		}
		slot.Wait()
	}
}

// begin sends the head. A response that is complete already gets a Content-Length, which PEP 3333 allows: chunks would
// only cost.
func (e *Engine) begin(slot *cpython.Request, x *server.Exchange, head *cpython.Head, done bool) {
	h := x.Header()
	for _, header := range head.Headers {
		e.addHeader(h, header)
	}
	if done && slot.End() == cpython.Complete {
		setLength(h, slot, x.Request.Method, head.Status)
	}
	x.Reason = head.Reason
	x.WriteHeader(head.Status)
}

// setLength declares the length of a complete response, unless the application did or there is no body to measure.
func setLength(h http.Header, slot *cpython.Request, method string, status int) {
	if h["Content-Length"] != nil || status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	// An application that produces nothing for HEAD says nothing about the length that GET would have.
	if n, ok := slot.BodyLength(); ok && (n > 0 || method != http.MethodHead) {
		h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
	}
}

// addHeader adds one header of the application. Headers that concern the connection are not its business (PEP 3333):
// they are left out, and the log says so.
func (e *Engine) addHeader(h http.Header, header cpython.Header) {
	name := http.CanonicalHeaderKey(header.Name)
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		logs.Printf(e.log, logs.Warn, "wsgi", "The application sets the hop-by-hop header '%s', which is left out (PEP 3333).", header.Name)
		return
	case "Content-Length":
		h[name] = []string{strings.TrimSpace(header.Value)}
		return
	}
	h[name] = append(h[name], header.Value)
}

// copyBody passes on what is in the window.
func (e *Engine) copyBody(slot *cpython.Request, x *server.Exchange) error {
	for {
		piece, err := slot.Output()
		if err != nil || len(piece) == 0 {
			return err
		}
		_, err = x.Write(piece)
		slot.Advance(len(piece))
		if err != nil {
			return err
		}
	}
}

// end concludes a response after Python is through.
func (e *Engine) end(slot *cpython.Request, x *server.Exchange, begun bool) error {
	if slot.End() != cpython.Complete {
		return errTorn
	}
	if !begun {
		return errors.New("the application ended without a response")
	}
	return e.sendFile(slot, x)
}

// finish waits for the application after its client was lost: it is told, and its close() has to run.
func (e *Engine) finish(slot *cpython.Request, reason error) error {
	slot.ClientGone()
	for !slot.Done() {
		slot.Wait()
	}
	return reason
}
