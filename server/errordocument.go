package server

import (
	"fmt"
	"net/http"

	"gild/logs"
)

// Error documents: a URL path of the site that is served, with the status of the refusal, in the place of a page of the server
// (Apache's ErrorDocument).

// documentPhases are those that look at the request for an error document. The path is the administrator's, and may be one that
// the client could not have asked for: neither access scripts nor users nor client certificates are considered again, or who is
// refused by them would never get the document for that.
var documentPhases = [...]phase{
	(*Server).checkPath,
	(*Server).rewrite,
}

// documentFor is the target for the page of a status, if there is one for this client: a refused host gets nothing of the site,
// nor does anything of a site that is for HTTPS only go out without it.
func (x *Exchange) documentFor(status int) (target string, there bool) {
	target, there = x.server.documents[status]
	return target, there && x.isAtHome()
}

// isAtHome reports whether the request has come to a host of the site and by its scheme. The phases may not have come to that yet.
func (x *Exchange) isAtHome() bool {
	s, is := x.server, x.standing
	if is == foreign && s.hosts.name != "" {
		known := s.hosts
		known.permitted = nil // it may take long, and this request is refused already
		if name, _, ok := parseHost(x.Request.Host); ok {
			is = known.standing(name, x)
		}
	}
	unknown := is == foreign && s.hosts.name != ""
	return !unknown && (!s.site.HTTPSOnly || x.secure() || is == local)
}

// inDocument reports whether an error document is what the handler serves.
func (x *Exchange) inDocument() bool { return x.detour != nil && x.detour.document != 0 }

// Override answers with the page or the error document for a status of 400 or more in the place of a response that a handler has
// and that is not begun. Header fields that say what the client can do now are kept. What the handler writes then is dropped; of a
// long body it gets an error. While an error document is served, it is [Exchange.WriteHeader].
func (x *Exchange) Override(status int) {
	if x.Sent() || x.inDocument() {
		x.WriteHeader(status)
		return
	}
	x.postponePage(status)
}

// documents has an error document sent for a status, if there is one; or, if one was about to be, what stands for one that failed.
func (x *Exchange) documents(status int) bool {
	if x.inDocument() {
		x.giveUpDocument(status)
		return true
	}
	_, there := x.documentFor(status)
	if there {
		x.postponePage(status)
	}
	return there
}

// postponePage has the page for a status sent when the handler has returned.
func (x *Exchange) postponePage(status int) {
	if x.detour == nil {
		x.detour = &detour{asked: x.Request}
	}
	x.detour.kept = keptOf(x.header, status)
	clear(x.header)
	x.postpone(status)
}

// keptOf are the fields of a refusal that go with any page for it: how to do better next time.
func keptOf(h http.Header, status int) http.Header {
	names := []string{"Retry-After"}
	switch status {
	case http.StatusUnauthorized:
		names = append(names, "Www-Authenticate")
	case http.StatusMethodNotAllowed:
		names = append(names, "Allow")
	case http.StatusProxyAuthRequired:
		names = append(names, "Proxy-Authenticate")
	case http.StatusRequestedRangeNotSatisfiable:
		names = append(names, "Content-Range")
	case http.StatusUpgradeRequired:
		names = append(names, "Upgrade")
	}
	kept := make(http.Header)
	for _, name := range names {
		if v := h[name]; v != nil {
			kept[name] = v
		}
	}
	return kept
}

// answerWithPage sends what belongs to a status that was postponed.
func (s *Server) answerWithPage(x *Exchange, status int) {
	target, there := x.documentFor(status)
	if !there {
		x.sendKept(status)
		return
	}
	method := x.Request.Method
	x.leaveFor(target, status, true)
	x.SetVariable("REDIRECT_REQUEST_METHOD", method)
	x.detour.document, x.ruled = status, ruled{}
	s.pass(x, documentPhases[:])
}

// sendKept sends the server's own page with the fields of the refusal.
func (x *Exchange) sendKept(status int) {
	clear(x.header)
	for name, values := range x.detour.kept {
		x.header[name] = values
	}
	x.sendBody(status, errorPage(status, x.ID()))
}

// documentStatus is the status for an error document: that of the refusal, unless its handler has failed. Then the page of the
// server is sent, and it returns 0.
func (x *Exchange) documentStatus(status int) int {
	d := x.detour
	if status >= 300 && status != d.document {
		x.giveUpDocument(status)
		return 0
	}
	for _, name := range [...]string{"Etag", "Last-Modified", "Accept-Ranges"} {
		delete(x.header, name) // they are about the document, not about what the client has asked for
	}
	for name, values := range d.kept {
		x.header[name] = values
	}
	x.Reason = ""
	return d.document
}

// giveUpDocument sends the server's own page for the refusal in the place of an error document that cannot be had.
func (x *Exchange) giveUpDocument(status int) {
	d := x.detour
	first := d.document
	d.document = 0
	x.log(logs.Error, fmt.Sprintf("The error document for %d, '%s', was itself answered with %d %s; clients get the page of the server in its place.",
		first, d.request.URL.Path, status, http.StatusText(status)))
	x.sendKept(first)
}
