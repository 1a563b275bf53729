package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A stream is the carrier of one request of a session. It lives as long as the handler runs.
type stream struct {
	link
	session  *session
	exchange Exchange
	before   int64 // streams of the session that are older

	w       streamWriter
	body    streamBody
	reading pacer
	writing wait
}

// serveStream is one request of a session, from its engine. A torn response ends in a panic with http.ErrAbortHandler,
// which the engines take for a wish to reset the stream.
func (s *Server) serveStream(ss *session, w http.ResponseWriter, r *http.Request) {
	st := s.streams.Get().(*stream)
	st.link, st.session, st.before = ss.link, ss, ss.served.Add(1)-1
	if !ss.enter(st) {
		panic(http.ErrAbortHandler) // the connection ended before the handler began
	}
	defer st.finish()
	st.begin(w, r)
	s.runInCrowd(&st.exchange)
	st.end()
}

// crowdPause is after how long a client may try again whose request was one too many.
const crowdPause = time.Second

// runInCrowd is run, unless there are as many requests as there may be connections: a connection of HTTP/1 has one request, so
// Limits.Clients bounds those, but of streams each connection may bring a hundred.
func (s *Server) runInCrowd(x *Exchange) {
	defer s.crowd.Add(-1)
	if s.crowd.Add(1) > int64(s.limits.Clients) {
		x.deny(http.StatusServiceUnavailable, fmt.Sprintf("%d requests at once on HTTP/2 and HTTP/3, --max-clients", s.limits.Clients))
		x.header["Retry-After"] = []string{strconv.Itoa(int(crowdPause.Seconds()))}
		x.sendBody(http.StatusServiceUnavailable, errorPage(http.StatusServiceUnavailable, x.ID())) // an error document would be one more
		return
	}
	s.run(x)
}

// begin puts the patrol between the exchange and its engine.
func (st *stream) begin(w http.ResponseWriter, r *http.Request) {
	st.w.ResponseWriter, st.w.stream = w, st
	x := &st.exchange
	x.begin(st, &st.w, r)
	x.Start = time.Now()
	x.takeProtocol()
	if x.body.ReadCloser != nil {
		st.body = streamBody{x.body.ReadCloser, st}
		x.body.ReadCloser = &st.body
	}
}

// end completes the response, or tears what the engine would end as if it were complete.
func (st *stream) end() {
	x := &st.exchange
	if x.short() {
		x.Abort(errShort)
	}
	x.end()
	st.w.settle(x.server.timeouts.Write)
}

var errShort = errors.New("less was written than the Content-Length says")

// short reports whether the response lacks some of the body that its head has announced.
func (x *Exchange) short() bool { return x.Sent() && !x.bodyless && x.written < x.declared }

// finish is called when the handler has returned: the access log, the note, and st is free.
func (st *stream) finish() {
	x, s, ss := &st.exchange, st.exchange.server, st.session
	in, out := x.estimate()
	if s.accessLog != nil {
		x.logAccess(traffic{in: in, out: out, before: int(st.before), kept: true})
	}
	in, out = ss.take(in, out)
	s.counters.count(x.Request.ProtoMajor, x.status, in, out)
	st.tell()
	ss.leave(st)
	*x = Exchange{server: s}
	st.w.ResponseWriter, st.w.kept = nil, false
	st.w.whole.Store(false)
	st.link, st.session, st.body = link{}, nil, streamBody{}
	st.reading.waited = 0
	s.streams.Put(st)
}

// estimate is how many bytes the request and the response would have on a connection of HTTP/1. What they cost in a
// compressed and encrypted session, with the frames around them, cannot be told from the other streams.
func (x *Exchange) estimate() (in, out int64) {
	r := x.Request
	head, _ := fieldSize(r.Header)
	in = int64(len(r.Method)+len(r.RequestURI)+len(r.Proto)+len("  \r\nHost: \r\n\r\n")+len(r.Host)+head) + x.body.read.Load()
	head, _ = fieldSize(x.header)
	return in, int64(len("HTTP/2.0 200 \r\n\r\n")+head) + x.written
}

// fieldSize is the number of bytes and of lines of header fields on a connection of HTTP/1.
func fieldSize(h http.Header) (size, fields int) {
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
			fields++
		}
	}
	return size, fields
}

// gone reports that the stream was reset by the client, or its connection has ended.
func (st *stream) gone() bool {
	return !st.w.whole.Load() && st.exchange.Request.Context().Err() != nil
}

// watched is nothing: the engine has checked the framing, and the size of the head is known from its fields.
func (st *stream) watched() *head { return nil }

// phrase does nothing: HTTP/2 has no reason phrases (RFC 9113 section 8.3.2).
func (st *stream) phrase(string) {}

// perConnection are the fields that speak of a connection of HTTP/1. A message that has one is malformed (RFC 9113
// section 8.2.2, RFC 9114 section 4.2), and net/http would end the session for "Connection: close".
var perConnection = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}

func (st *stream) finishHead(h http.Header, _ bool) {
	for _, name := range perConnection {
		delete(h, name)
	}
	if st.exchange.status == http.StatusNoContent {
		delete(h, "Content-Length") // RFC 9110 section 8.6; clients reset the stream for it
	}
}

// lastUntil does nothing: the other streams go on.
func (st *stream) lastUntil(time.Time) {}

func (st *stream) stopBody() { _ = http.NewResponseController(&st.w).SetReadDeadline(longAgo) }

// reset does nothing: the stream is.
func (st *stream) reset() {}
