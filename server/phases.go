package server

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// A phase looks at a request before the handler gets it. It returns 0 to let it pass, or the status of the answer; it may
// also have answered itself and then returns that status.
type phase func(*Server, *Exchange) int

// phases in the order they run. What the request is (framing, sizes) comes before what it wants (method, path, host), and
// all of that before the body is touched. What is answered for the server itself does not depend on the host. Before believe a
// request is one of the connection's other end, after it one of the client.
var phases = [...]phase{
	(*Server).checkFraming,
	(*Server).checkHead,
	(*Server).checkMethod,
	(*Server).checkEarly,
	(*Server).checkPath,
	(*Server).serveChallenge,
	(*Server).believe,
	(*Server).serveStatus,
	(*Server).checkHost,
	(*Server).redirect,
	(*Server).verifyClient,
	(*Server).checkAccess,
	(*Server).authenticate,
	(*Server).authorize,
	(*Server).rewrite,
	(*Server).checkLength,
	(*Server).restoreTags,
}

// checkFraming refuses a request with both Transfer-Encoding and Content-Length, and one of HTTP/1.0 with a
// Transfer-Encoding: somebody on the way may have understood it differently (RFC 9112 section 6.1). If the head was
// pipelined and not watched, the connection ends after this request, which the RFC asks for then.
func (s *Server) checkFraming(x *Exchange) int {
	head, r := x.carrier.watched(), x.Request
	if head == nil {
		return 0
	}
	old := !r.ProtoAtLeast(1, 1)
	if !head.trusted() {
		x.closing = x.closing || old || r.ContentLength < 0
		return 0
	}
	if head.coding && (head.length || old) {
		return x.refuse(http.StatusBadRequest, "body framed by Transfer-Encoding and by something else")
	}
	return 0
}

// checkHead enforces the limits on the request line and the header fields.
func (s *Server) checkHead(x *Exchange) int {
	r := x.Request
	size, fields := x.headSize()
	line := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  ")
	switch {
	case line > s.limits.RequestLine:
		return x.refuse(http.StatusRequestURITooLong, fmt.Sprintf("request line of %d bytes, the limit is %d", line, s.limits.RequestLine))
	case size > s.limits.Head:
		return x.refuse(http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("head of %d bytes, the limit is %d", size, s.limits.Head))
	case s.limits.Fields > 0 && fields > s.limits.Fields:
		return x.refuse(http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("%d header fields, the limit is %d", fields, s.limits.Fields))
	}
	return 0
}

// headSize is the number of bytes and of fields of the head: as watched, or estimated from what was parsed.
func (x *Exchange) headSize() (size, fields int) {
	if head := x.carrier.watched(); head != nil && head.trusted() {
		return head.size, head.fields()
	}
	return fieldSize(x.Request.Header)
}

// checkMethod refuses CONNECT, since this is no proxy for others, unless it asks for another protocol on its stream, and TRACE. Apache answers TRACE unless TraceEnable is off; it
// shows a script in a page what the browser hides from it, so here it is off. With HTTP/2 and HTTP/3 nobody else has seen to it that
// the method is a token (RFC 9110 section 9.1): one with a space would be another request in a line of HTTP/1, and in the log.
func (s *Server) checkMethod(x *Exchange) int {
	if x.Request.ProtoMajor > 1 && !httpguts.ValidHeaderFieldName(x.Request.Method) {
		return x.refuse(http.StatusBadRequest, "the method is no token")
	}
	switch x.Request.Method {
	case http.MethodConnect, http.MethodTrace:
		if x.protocol != "" {
			return 0
		}
		x.closing = x.closing || x.Request.Method == http.MethodConnect // what follows is meant for another server
		x.Header().Set("Allow", allowed)
		return x.refuse(http.StatusMethodNotAllowed, "method "+x.Request.Method)
	case http.MethodOptions:
		if x.Request.RequestURI == "*" {
			x.answerOptions()
			return http.StatusOK
		}
	}
	return 0
}

// allowed is the Allow field of answers that are about the server and not about a resource.
const allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

// answerOptions answers "OPTIONS *", which asks about the server as a whole (RFC 9110 section 9.3.7).
func (x *Exchange) answerOptions() {
	h := x.Header()
	h.Set("Allow", allowed)
	h.Set("Content-Length", "0")
	x.WriteHeader(http.StatusOK)
}

// checkPath makes URL.Path what Apache's translation would see: no encoded slash or NUL (404, as with AllowEncodedSlashes
// Off), no repeated slashes, no dot segments, and none that lead above the root (400). RequestURI keeps the original.
func (s *Server) checkPath(x *Exchange) int {
	u := x.Request.URL
	if u.Path == "" && u.Host != "" {
		u.Path = "/" // "GET http://host HTTP/1.1"
	}
	switch {
	case x.Request.ProtoMajor > 1 && !isOriginForm(x.Request.RequestURI):
		return x.refuse(http.StatusBadRequest, "the target is not a path")
	case x.Request.ProtoMajor > 1 && strings.IndexByte(x.Request.RequestURI, ' ') >= 0: // HTTP/1 cannot have one; logs and backends speak that
		return x.refuse(http.StatusBadRequest, "a space in the target")
	case u.Path == "" || u.Path[0] != '/':
		return x.refuse(http.StatusBadRequest, "the target is not a path")
	case strings.IndexByte(u.Path, 0) >= 0, u.RawPath != "" && hasEncodedSlash(u.RawPath):
		return x.refuse(http.StatusNotFound, "encoded slash or NUL in the path")
	}
	path, ok := normalize(u.Path)
	if !ok {
		return x.refuse(http.StatusBadRequest, "the path leads above the root")
	}
	if path != u.Path {
		u.Path, u.RawPath = path, ""
	}
	return 0
}

// isOriginForm reports whether the :path of a stream is what it has to be (RFC 9113 section 8.3.1). The engines have refused control
// characters; a space would end the target in a line of HTTP/1.
func isOriginForm(target string) bool { return target[0] == '/' && strings.IndexByte(target, ' ') < 0 }

// StatusPath is where Options.Status is served, mod_status' usual place.
const StatusPath = "/server-status"

// serveStatus answers a request for the status page, which lies beside the mount point and not below it.
func (s *Server) serveStatus(x *Exchange) int {
	if s.status == nil || x.Request.URL.Path != StatusPath {
		return 0
	}
	if status := s.admit(x); status != 0 {
		return status
	}
	x.Handler = "server-status"
	s.status.ServeHTTP(x, x.Request)
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	return x.status
}

// checkLength refuses a body that is declared to be too large before the handler has any work with it. A chunked one is
// measured while it is read, see takeBody.
func (s *Server) checkLength(x *Exchange) int {
	if n := x.Request.ContentLength; s.limits.Body > 0 && n > s.limits.Body {
		return x.refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("body of %d bytes, the limit is %d", n, s.limits.Body))
	}
	return 0
}

// refuse is deny for a client at fault: one that does not speak HTTP well, or is about to send more than is wanted, loses its
// connection.
func (x *Exchange) refuse(status int, why string) int {
	x.closing = x.closing || status != http.StatusNotFound && status != http.StatusMethodNotAllowed
	return x.deny(status, why)
}
