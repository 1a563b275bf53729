package server

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// The patrol ends what waits too long for the client of a stream: for a body (Timeouts.Body), or for the client to
// take some of the response (Timeouts.Write). A client that opens no window could hold a handler for ever.
//
// The engines have timers for that, but to set one for each Read and Write costs a message to the goroutine of the
// connection, about as much as the Read or Write itself. So streams only note since when they wait, which is one store, and
// once a second somebody looks. A wait may last two seconds longer than the timeout says.

// beat is how often the patrol looks.
const beat = time.Second

// A patrol is the clock and the rounds of one server.
type patrol struct {
	now atomic.Int64 // beats since the server began; the first is 1, so that 0 is no time
}

// walk makes the rounds until over is closed.
func (p *patrol) walk(s *Server, over <-chan struct{}) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			now := p.now.Add(1)
			s.sessions.each(func(ss *session) { ss.inspect(now, &s.timeouts) })
			if s.quic != nil {
				s.quic.closeStalled(time.Now())
			}
		case <-over:
			return
		}
	}
}

// inspect looks at the streams that run a handler.
func (ss *session) inspect(now int64, t *Timeouts) {
	ss.mu.Lock() // no handler returns meanwhile, and with it the engine's ResponseWriter
	defer ss.mu.Unlock()
	for st := range ss.streams {
		if st.reading.overdue(now, t, st.exchange.body.read.Load()+ss.partial.Load()) {
			ss.server.logSlowBody(st.exchange.Request.RemoteAddr)
			_ = http.NewResponseController(st.w.ResponseWriter).SetReadDeadline(longAgo)
		}
		if st.writing.overdue(now, t.Write) {
			_ = http.NewResponseController(st.w.ResponseWriter).SetWriteDeadline(longAgo)
		}
	}
}

// A streamWriter is the engine's ResponseWriter under the eyes of the patrol.
type streamWriter struct {
	http.ResponseWriter
	stream *stream
	kept   bool        // something was written and not flushed
	whole  atomic.Bool // the engine has sent all there is, and the stream may be closed by that
}

// mostAtOnce is how much of a response the client has Timeouts.Write for.
const mostAtOnce = 64 << 10

// Write implements http.ResponseWriter.
func (w *streamWriter) Write(p []byte) (n int, err error) {
	w.kept = true
	defer w.stream.writing.end()
	for n < len(p) && err == nil {
		w.stream.writing.begin(&w.stream.exchange.server.patrol)
		var m int
		m, err = w.ResponseWriter.Write(p[n:min(len(p), n+mostAtOnce)])
		n += m
	}
	return n, err
}

// WriteHeader implements http.ResponseWriter. An interim response waits for the connection.
func (w *streamWriter) WriteHeader(status int) {
	w.stream.writing.begin(&w.stream.exchange.server.patrol)
	defer w.stream.writing.end()
	w.ResponseWriter.WriteHeader(status)
}

// FlushError is what http.ResponseController looks for.
func (w *streamWriter) FlushError() error {
	if w.whole.Load() {
		return nil
	}
	w.stream.writing.begin(&w.stream.exchange.server.patrol)
	defer w.stream.writing.end()
	w.kept = false
	w.whole.Store(w.stream.exchange.Request.Method == http.MethodHead) // net/http ends the stream with the head
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the engine's own ResponseWriter.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// settle bounds what the engine still does when the handler has returned and the patrol cannot help any more: it sends
// what it has kept, and waits for the client to take that.
func (w *streamWriter) settle(limit time.Duration) {
	if w.kept {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(limit))
	}
}

// A streamBody is the engine's body of a request under the eyes of the patrol.
type streamBody struct {
	io.ReadCloser
	stream *stream
}

// Read implements io.Reader.
func (b *streamBody) Read(p []byte) (int, error) {
	b.stream.reading.waits.begin(&b.stream.exchange.server.patrol)
	defer b.stream.reading.waits.end()
	return b.ReadCloser.Read(p)
}
