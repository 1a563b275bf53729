package server

import (
	"io"
	"net/http"
	"time"

	"gild/logs"
)

// Values of header fields that every response shares. net/http does not change them.
var (
	serverField = []string{serverName}
	closeField  = []string{"close"}
)

// Header implements http.ResponseWriter.
func (x *Exchange) Header() http.Header { return x.header }

// WriteHeader implements http.ResponseWriter. Date and Server are ours whatever the handler has set, and a response
// without a Content-Type goes out without one. The head is not on the wire before something is written or flushed.
func (x *Exchange) WriteHeader(status int) {
	if x.Sent() {
		return
	}
	if status == http.StatusSwitchingProtocols && x.Request.ProtoMajor > 1 {
		x.log(logs.Error, "101 Switching Protocols cannot be the answer to a request of "+x.Request.Proto)
		x.Error(http.StatusInternalServerError) // RFC 9113 section 8.6
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		x.w.WriteHeader(status) // an interim response; the final one is still to come
		return
	}
	if x.inDocument() {
		if status = x.documentStatus(status); status == 0 {
			return
		}
	}
	x.status = status
	if x.server.accessLog != nil {
		x.headed = time.Now()
	}
	x.bodyless = x.asked().Method == http.MethodHead || !bodyAllowed(status)
	x.compress()
	x.setFields()
	if x.Reason != "" && x.Reason != http.StatusText(status) && isPhrase(x.Reason) {
		x.carrier.phrase(x.Reason)
	}
	x.w.WriteHeader(status)
}

// setFields puts the fields that are the server's business into the header.
func (x *Exchange) setFields() {
	h := x.header
	delete(h, "Date")
	h["Server"] = serverField
	if _, given := h["Content-Type"]; !given {
		h["Content-Type"] = nil // or net/http would guess one
	}
	x.declared = lengthOf(h)
	if x.secure() {
		x.setSecureFields()
	}
	x.closing = x.closing || x.server.leaving()
	x.carrier.finishHead(h, x.closing || x.body.failed())
}

// setSecureFields sets what clients are to remember of a site with HTTPS. It is not for those who use a name of their own machine: their other
// servers there would suffer. The port of HTTP/3 is for those who have reached ours, not for clients of a proxy.
func (x *Exchange) setSecureFields() {
	s, h := x.server, x.header
	if s.hsts != nil && x.standing != local {
		h["Strict-Transport-Security"] = s.hsts
	}
	if _, given := h["Alt-Svc"]; s.altSvc != nil && !given && x.Request.ProtoMajor < 3 && x.TLS() != nil && !x.BehindProxy() {
		h["Alt-Svc"] = s.altSvc
	}
}

// remember makes the two fields once.
func (s *Server) remember(site *Site) {
	if site.HTTPSOnly && site.HSTS != "" {
		s.hsts = []string{site.HSTS}
	}
	if site.HTTP3Port != "" {
		s.altSvc = []string{`h3=":` + site.HTTP3Port + `"; ma=86400`} // RFC 7838 section 3
	}
}

// bodyAllowed is RFC 9110 section 6.4.1: some statuses end with the head.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// isPhrase reports whether s can be a reason phrase: RFC 9112 section 4, tabs, spaces, visible and obs-text bytes.
func isPhrase(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Write implements http.ResponseWriter. What a response can not have (a body of HEAD, 204 and 304, bytes beyond the
// Content-Length) is dropped without an error, as Apache does. An error means that the client has left or takes nothing.
func (x *Exchange) Write(p []byte) (int, error) {
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	if x.fault != nil {
		return 0, errAborted
	}
	if x.postponed {
		return x.drop(len(p))
	}
	if x.compression.encoder != nil {
		return x.encode(p)
	}
	room := x.room(int64(len(p)))
	if room == 0 {
		return len(p), nil // HTTP/2 in net/http takes it for a mistake
	}
	n, err := x.w.Write(p[:room])
	x.written += int64(n)
	if err != nil {
		return n, err
	}
	return len(p), nil
}

// mostDropped bounds what is taken of a response that something else replaces, so that one without an end has one.
const mostDropped = 1 << 20

// drop takes n bytes that nobody gets.
func (x *Exchange) drop(n int) (int, error) {
	if x.dropped += n; x.dropped > mostDropped {
		return 0, errAborted
	}
	return n, nil
}

// room is how many of n bytes the response can still take.
func (x *Exchange) room(n int64) int64 {
	switch {
	case x.bodyless:
		return 0
	case x.declared >= 0:
		return min(n, x.declared-x.written)
	}
	return n
}

// ReadFrom implements io.ReaderFrom, so that io.Copy from an *os.File, or an io.LimitedReader of one, ends in sendfile(2)
// when the response has a Content-Length. It reads no more of src than the response can take.
func (x *Exchange) ReadFrom(src io.Reader) (int64, error) {
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	if x.fault != nil || x.postponed {
		return 0, errAborted
	}
	if x.compression.encoder != nil {
		return x.encodeFrom(src)
	}
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	rest := limited.N
	limited.N = x.room(rest)
	rest -= limited.N
	n, err := x.copyFrom(limited)
	limited.N += rest
	x.written += n
	return n, err
}

// copyFrom passes a reader of no more than the response can take to net/http.
func (x *Exchange) copyFrom(src *io.LimitedReader) (int64, error) {
	if src.N <= 0 {
		return 0, nil
	}
	if rf, ok := x.w.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	buffer := x.server.buffers.Get().(*[]byte)
	n, err := io.CopyBuffer(x.w, src, *buffer)
	if err == nil {
		x.server.buffers.Put(buffer) // after an error, the engine may be sending what is in it still
	}
	return n, err
}

// copyBuffer is the size of a buffer for a response that the kernel cannot copy: two frames of HTTP/2.
const copyBuffer = 32 << 10

// Flush implements http.Flusher.
func (x *Exchange) Flush() { _ = x.FlushError() }

// FlushError sends the head and what was written to the client. The error is that of Write.
func (x *Exchange) FlushError() error {
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	if x.postponed {
		return nil
	}
	if e := x.compression.encoder; e != nil {
		if err := e.Flush(); err != nil {
			return err
		}
	}
	if f, ok := x.w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.ErrNotSupported
}

var (
	_ http.ResponseWriter = (*Exchange)(nil)
	_ http.Flusher        = (*Exchange)(nil)
	_ io.ReaderFrom       = (*Exchange)(nil)
)
