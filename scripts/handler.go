package scripts

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gild/cpython"
	"gild/logs"
	"gild/server"
)

// ServeHTTP serves one request with the application, or with the handler of its Resource. w must come from package server.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := server.From(w)
	e.introduce(x)
	g := e.groupFor(x)
	small, err := e.readSmall(x)
	if err != nil {
		x.Abort(err) // the client was too slow or sent too much
		return
	}
	defer e.closeSmall(small)
	seat, err := g.seat(r.Context(), connectionOf(x))
	if err != nil {
		e.fail(x, g, err)
		return
	}
	slot, err := g.pool.Acquire(r.Context())
	if err != nil {
		e.fail(x, g, err)
		return
	}
	e.serve(g, slot, seat, x, small)
}

// serve owns the slot: it releases it when the request is over.
func (e *Engine) serve(g *group, slot *cpython.Request, seat *cpython.Seat, x *server.Exchange, small *smallBody) {
	body, length := e.openBody(slot, x, small)
	e.environ(slot, x, length)
	if err := slot.Submit(x.Request.Context(), e.numberFor(x), e.flags(g, x), x.Start, seat); err != nil {
		body.release()
		slot.Release()
		body.abort()
		e.fail(x, g, err)
		return
	}
	body.start()
	if err := e.deliver(g, slot, x, body); err != nil {
		body.abort()
		e.fail(x, g, err)
		return
	}
	body.finish()
}

func (e *Engine) flags(g *group, x *server.Exchange) uint32 {
	var flags uint32
	if x.Request.Method == http.MethodHead {
		flags |= cpython.NoBody
	}
	if x.Scheme() == "https" {
		flags |= cpython.HTTPS
	}
	if len(g.ignore) > 0 && g.ignore[x.Request.URL.Path] {
		flags |= cpython.NoActivity
	}
	return flags
}

// checkHead refuses a header line that is longer than --header-buffer-size allows.
func checkHead(g *group, head *cpython.Head) error {
	for _, h := range head.Headers {
		if length := len(h.Name) + len(": ") + len(h.Value); g.HeaderBufferSize > 0 && length > g.HeaderBufferSize {
			return &refusal{http.StatusInternalServerError, fmt.Sprintf(
				"Response header line too long: '%s' has %d bytes, --header-buffer-size is %d", h.Name, length, g.HeaderBufferSize)}
		}
	}
	return nil
}

// begin sends the head. A response that is complete already gets a Content-Length, which PEP 3333 allows: chunks would
// only cost.
func (e *Engine) begin(slot *cpython.Request, x *server.Exchange, head *cpython.Head, done bool) {
	h := x.Header()
	for _, header := range head.Headers {
		e.addHeader(h, header, x.Request.ProtoMajor)
	}
	if done && slot.End() == cpython.Complete {
		setLength(h, slot, x.Request.Method, head.Status)
	}
	if e.config.Responses.ErrorOverride && head.Status >= http.StatusBadRequest {
		x.Override(head.Status)
		return
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
// they are left out, and the log says so. So are values that make a response of HTTP/2 or HTTP/3 malformed, which would be
// lost without a word, or with the whole response (RFC 9113 section 8.2.1, RFC 9114 section 4.2); blanks around them are
// nothing that HTTP knows.
func (e *Engine) addHeader(h http.Header, header cpython.Header, major int) {
	name, value := http.CanonicalHeaderKey(header.Name), strings.Trim(header.Value, " \t")
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		logs.Printf(e.log, logs.Warn, "wsgi", "The application sets the hop-by-hop header '%s', which is left out (PEP 3333).", header.Name)
		return
	case "Content-Length":
		h[name] = []string{value}
		return
	}
	if major > 1 && hasControl(value) {
		logs.Printf(e.log, logs.Warn, "wsgi", "The application sets the header '%s' to a value with a control character, which HTTP/%d does not allow; it is left out.",
			header.Name, major)
		return
	}
	h[name] = append(h[name], value)
}

// hasControl reports whether s has a character that no field value may have (RFC 9110 section 5.5).
func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
