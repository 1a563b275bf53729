package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"gild/logs"
)

// ServeHTTP is one request, from the engine: the phases, and the handler if they all agree. The line in the access log
// is written when the last byte is out, see conn.setState.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c.socket.halted.Load() {
		panic(http.ErrAbortHandler) // pipelined behind a body that was given up: the response before it ends the connection
	}
	x := s.exchanges.Get().(*Exchange)
	x.begin(c, w, r)
	c.begin(x, r)
	s.run(x)
	if x.tunnelled {
		c.endTunnel()
		return
	}
	x.end()
}

// run has the request answered, by what was postponed in the end.
func (s *Server) run(x *Exchange) {
	s.guard(x, (*Server).start)
	for x.postponed { // not for ever: detours are counted, and an error document has none of its own
		s.guard(x, (*Server).resume)
	}
	x.finishEncoding()
}

// guard turns a panic into an answer.
func (s *Server) guard(x *Exchange, step func(*Server, *Exchange)) {
	defer x.recover()
	step(s, x)
}

func (s *Server) start(x *Exchange) { s.pass(x, phases[:]) }

// pass calls the phases, and what the request is routed to if they all agree.
func (s *Server) pass(x *Exchange, phases []phase) {
	for _, phase := range phases {
		if status := phase(s, x); status != 0 {
			if !x.Sent() {
				x.sendPage(status)
			}
			return
		}
	}
	s.dispatch(x)
}

// begin makes x the exchange of a request whose head has been read.
func (x *Exchange) begin(c carrier, w http.ResponseWriter, r *http.Request) {
	x.Request = r
	x.w, x.carrier, x.link, x.header = w, c, c.about(), w.Header()
	x.declared = -1
	x.closing = x.server.timeouts.KeepAlive == 0
	if r.Body != http.NoBody && r.ContentLength != 0 { // HTTP/2 has another body where there is none
		x.takeBody(r)
	}
}

// recover answers a request whose handler panicked. http.ErrAbortHandler is no accident and not logged.
func (x *Exchange) recover() {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		x.Abort(http.ErrAbortHandler)
		return
	}
	what := fmt.Sprintf("The handler of %s %s panicked: %v", x.Request.Method, x.Request.URL.Path, v)
	x.record("core", logs.Error, oneLine.Replace(what)+"\n"+string(debug.Stack()))
	x.Abort(errPanicked)
}

// errPanicked is a panic that is in the log.
var errPanicked = errors.New("the handler panicked")

// end runs when the handler has returned. A torn response is torn here, by the one panic that an engine takes for a wish
// to close the connection, or reset the stream, without ending the response.
func (x *Exchange) end() {
	if x.server.accessLog != nil {
		x.ended = time.Now()
	}
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	if x.closing || x.body.abandoned(x.asked()) {
		x.carrier.lastUntil(time.Now().Add(lingerTime))
	}
	if x.fault == nil {
		return
	}
	_ = x.FlushError()
	if x.closeDelimited() {
		x.carrier.reset()
	}
	panic(http.ErrAbortHandler)
}

// closeDelimited reports whether the end of the connection is the end of the body: HTTP/1.0 without a Content-Length.
func (x *Exchange) closeDelimited() bool {
	return x.declared < 0 && !x.bodyless && !x.Request.ProtoAtLeast(1, 1)
}

// Abort gives up a response that can not be completed; the handler should return then. If nothing was sent the client
// gets an error page: 413, 408 or 400 if reading the request's body has failed; 400, for the log, if the context of the Request
// was cancelled, which a client does that resets its stream; 500 otherwise. If the head was sent, what was written is
// flushed and the connection torn so that the client sees that something is missing: no final chunk, fewer bytes than
// Content-Length, or a reset. The reason is logged at debug level; it must not be nil.
func (x *Exchange) Abort(reason error) {
	if !x.Sent() {
		x.giveUp(reason)
		return
	}
	if x.fault != nil || x.postponed {
		return
	}
	x.fault = reason
	if x.server.errorLog.Enabled(logs.Debug) {
		x.log(logs.Debug, "Response torn: "+reason.Error())
	}
}

// giveUp sends a page for a response that has not begun. If that is the server's fault the log says so, with the address, which the
// traceback of an application does not have.
func (x *Exchange) giveUp(reason error) {
	x.Error(statusFor(reason))
	if x.status >= http.StatusInternalServerError && reason != http.ErrAbortHandler && reason != errPanicked {
		r := x.asked()
		x.log(logs.Error, fmt.Sprintf("%s %s is answered with %d %s: %v", r.Method, r.URL.Path, x.status, http.StatusText(x.status), reason))
	}
}

// statusFor is the status for a request that was given up.
func statusFor(reason error) int {
	if errors.Is(reason, context.Canceled) {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// Error sends the server's own page for a status of 400 or more and drops the header fields set so far. After a failed
// read of the body the status says that instead of blaming the application with a 5xx. After the head it is [Abort].
func (x *Exchange) Error(status int) { x.fail(status, 0) }

// Unavailable is Error(503) with a Retry-After field: when the client may try again, in full seconds, rounded up. Zero or
// less is no such field.
func (x *Exchange) Unavailable(retry time.Duration) { x.fail(http.StatusServiceUnavailable, retry) }

func (x *Exchange) fail(status int, retry time.Duration) {
	if x.Sent() {
		x.Abort(fmt.Errorf("%d %s", status, http.StatusText(status)))
		return
	}
	if blame := x.body.status(); blame != 0 && status >= 500 {
		status = blame
	}
	clear(x.header)
	x.Reason = ""
	if retry > 0 && status == http.StatusServiceUnavailable {
		x.header["Retry-After"] = []string{strconv.FormatFloat(math.Ceil(retry.Seconds()), 'f', 0, 64)}
	}
	x.sendPage(status)
}

// errAborted is what writes to a torn response get.
var errAborted = errors.New("response aborted")

// log writes a line about this request.
func (x *Exchange) log(level logs.Level, message string) { x.logAs("core", level, message) }

// logAs is log for a module.
func (x *Exchange) logAs(module string, level logs.Level, message string) {
	if x.server.errorLog.Enabled(level) {
		x.record(module, level, oneLine.Replace(message))
	}
}

// record writes a record about this request, with all the lines that message has.
func (x *Exchange) record(module string, level logs.Level, message string) {
	x.server.errorLog.Log(logs.Record{Level: level, Module: module, Client: x.Request.RemoteAddr, ID: x.ID(), Message: message})
}

// oneLine keeps what clients send, such as %0A in a path, from beginning a line that looks like one of the server's.
var oneLine = strings.NewReplacer("\n", `\n`)

// finish is called when nothing more will be written for the current exchange: the access log, and x is free.
func (c *conn) finish(keepAlive bool) {
	x := c.exchange
	if x == nil {
		return
	}
	in, out := c.traffic()
	c.in, c.out = c.in+in, c.out+out
	if c.server.accessLog != nil {
		if keepAlive {
			x.ended = time.Now()
		}
		x.logAccess(traffic{in: in, out: out, before: c.requests, kept: keepAlive})
	}
	c.server.counters.count(1, x.status, in, out)
	c.exchange = nil
	c.requests++
	*x = Exchange{server: c.server}
	c.server.exchanges.Put(x)
}
