package server

import (
	"io"
	"net/http"
	"strconv"

	"gild/server/accept"
	"gild/server/compress"
)

const (
	// fewBytes is the size from which compression makes a body smaller, in round numbers: below it, what the coding adds and the
	// header field weigh as much as what it saves.
	fewBytes = 200

	// mostEncoders bounds how many responses are compressed at once: their memory is then 200 MB at most, whatever number of clients
	// takes its time.
	mostEncoders = 100
)

// A compression is what becomes of the body of one response.
type compression struct {
	encoder *compress.Encoder // nil: nothing
	rest    int64             // bytes that the Content-Length of the handler lets it still write; -1: it has given none
	given   []string          // entity tags of the request's conditions, as their maker knows them
	made    []string          // the same as we had made them for the client
}

// restoreTags lets handlers see those entity tags which they have given, and not those that clients know of compressed responses.
func (s *Server) restoreTags(x *Exchange) int {
	if s.compressors == nil {
		return 0
	}
	for _, name := range [...]string{"If-None-Match", "If-Match"} {
		values := x.Request.Header[name]
		for i, list := range values {
			restored, given, made := compress.Restore(list)
			if len(made) > 0 {
				values[i] = restored
				x.compression.given = append(x.compression.given, given...)
				x.compression.made = append(x.compression.made, made...)
			}
		}
	}
	return 0
}

// compress decides about a response whose status and header are known, and changes the header accordingly. A response to HEAD gets the
// header that one to GET would have.
func (x *Exchange) compress() {
	s, h := x.server, x.header
	switch {
	case s.compressors == nil:
		return
	case x.status == http.StatusNotModified:
		x.confirmTag()
		return
	case !compress.Eligible(x.status, h):
		return
	}
	compress.Vary(h)
	length := lengthOf(h)
	taken := accept.Encodings(x.asked().Header["Accept-Encoding"], compress.Offers...)
	if len(taken) == 0 || length >= 0 && length < fewBytes {
		return
	}
	if !x.bodyless {
		x.compression.encoder = s.compressors.Get(taken[0], plainWriter{x})
		x.compression.rest = length
	}
	if x.bodyless || x.compression.encoder != nil {
		compress.Mark(h, taken[0])
	}
}

// confirmTag has a 304 name the entity tag by which the client knows its copy (RFC 9110 section 15.4.5).
func (x *Exchange) confirmTag() {
	c := &x.compression
	if len(c.made) == 0 {
		return
	}
	compress.Vary(x.header)
	tag := x.header.Get("Etag")
	for i := range c.made {
		if tag == c.given[i] || tag == "W/"+c.given[i] {
			x.header["Etag"] = []string{c.made[i]}
			return
		}
	}
}

// lengthOf is the Content-Length of a header, -1 without one.
func lengthOf(h http.Header) int64 {
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseUint(v[0], 10, 63); err == nil {
			return int64(n)
		}
	}
	return -1
}

// encode writes a piece of a body that is compressed. What is beyond the Content-Length of the handler is dropped, as in Write.
func (x *Exchange) encode(p []byte) (int, error) {
	c, n := &x.compression, len(p)
	if c.rest >= 0 {
		p = p[:min(int64(n), c.rest)]
		c.rest -= int64(len(p))
	}
	if m, err := c.encoder.Write(p); err != nil {
		return m, err
	}
	return n, nil
}

// encodeFrom is encode for what a reader has.
func (x *Exchange) encodeFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{x}, src)
}

// finishEncoding ends the compressed body when the handler has returned, or leaves it without an end if the response is torn.
func (x *Exchange) finishEncoding() {
	c := &x.compression
	if c.encoder == nil {
		return
	}
	if c.rest > 0 {
		x.Abort(errShort)
	}
	encoder := c.encoder
	c.encoder = nil
	if x.fault != nil {
		encoder.Abandon()
		return
	}
	_ = encoder.Close() // a client that has left is no news
}

// A plainWriter writes to the client what is compressed already.
type plainWriter struct{ x *Exchange }

func (w plainWriter) Write(p []byte) (int, error) {
	n, err := w.x.w.Write(p)
	w.x.written += int64(n)
	return n, err
}
