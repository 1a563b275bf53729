package server

import (
	"net/http"
	"os"
	"strconv"
	"time"

	"gild/logs"
)

// net/http has a timer for an idle connection of HTTP/2, but none for the head of a request that does not get on: while a
// response is on its way on another stream, a client could take any time for it, and nothing else would be read meanwhile.

// dribbles sees to the time that a head has, after something was read of the connection, the last of it in the frame f.
func (c *h2Conn) dribbles(f *frame) {
	rest := c.reads.rest
	c.session.partial.Store(c.partial(f))
	open := f.isHead() && (rest > 0 || f.flags&flagEndHeaders == 0)
	switch {
	case open && c.socket.turn == nil:
		c.beginHead()
	case !open && c.socket.turn != nil:
		c.socket.turn, c.socket.read.want = nil, time.Time{}
	}
}

// partial is how many bytes of a body have come in f, the rest of which is still to come.
func (c *h2Conn) partial(f *frame) int64 {
	if f.kind != frameData || c.reads.rest == 0 {
		return 0
	}
	return int64(max(0, f.length-c.reads.rest)) // the preface before the first frame is longer than that frame
}

// isHead reports whether f is a part of a head, RFC 9113 sections 6.2 and 6.10.
func (f *frame) isHead() bool { return f.kind == frameHeaders || f.kind == frameContinuation }

// beginHead begins to measure a head.
func (c *h2Conn) beginHead() {
	c.head = c.session.server.newTurn(&c.session.server.timeouts.Header)
	c.head.resume(time.Now())
	c.socket.measure(&c.head)
}

// endSlowHead is called when reading has failed. If that was for a head that took too long, its stream gets an answer and the
// connection a farewell; net/http ends it then.
func (c *h2Conn) endSlowHead(err error) {
	if c.socket.turn == nil || !os.IsTimeout(err) {
		return
	}
	c.socket.logAs("reqtimeout", logs.Info, slowHead)
	last := goAwayFrame(c.newest, codeNone)
	if c.opening {
		last = append(statusFrame(c.newest, http.StatusRequestTimeout), last...)
	}
	c.part(last)
}

// statusFrame is a response of nothing but a status. That needs no state of the header compression: it is a literal without
// indexing (RFC 7541 section 6.2.2) whose name is that of entry 8 of the static table, ":status".
func statusFrame(stream uint32, status int) []byte {
	block := append([]byte{8, 3}, strconv.Itoa(status)...)
	p := []byte{0, 0, byte(len(block)), frameHeaders, flagEndHeaders | flagEndStream, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}
	return append(p, block...)
}

// slowHead and slowBody are what Apache's mod_reqtimeout logs.
const (
	slowHead = "Request header read timeout"
	slowBody = "Request body read timeout"
)

// logSlowBody logs that a client was too slow with a body.
func (s *Server) logSlowBody(client string) {
	if s.errorLog.Enabled(logs.Info) {
		s.errorLog.Log(logs.Record{Level: logs.Info, Module: "reqtimeout", Client: client, Message: slowBody})
	}
}
