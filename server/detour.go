package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"gild/logs"
)

// maxDetours is how many internal redirects a request may have, as Apache's LimitInternalRecursion.
const maxDetours = 10

// A detour is what an exchange knows more when another URL path of the site answers than the one that the client has asked for:
// after an internal redirect, or for an error document.
type detour struct {
	asked   *http.Request // the client's
	request http.Request  // what handlers get, Exchange.Request
	count   int           // internal redirects so far

	document int         // the status whose error document this is; 0: it is none
	kept     http.Header // fields of the refusal that go with an error document
}

// phasesAgain are those that look at a request another time after an internal redirect. Who the client is, and whether it may
// enter, does not depend on the path.
var phasesAgain = [...]phase{
	(*Server).checkPath,
	(*Server).verifyClient,
	(*Server).rewrite,
	(*Server).checkLength,
	(*Server).restoreTags,
}

// redirectInternally has another URL path of this site answer, within this request. The target is a path and perhaps a query,
// escaped as in a request line. Method, header and body stay; so does RequestURI; the variables get REDIRECT_ before their
// names, and REDIRECT_URL, REDIRECT_QUERY_STRING, REDIRECT_STATUS and REDIRECT_REMOTE_USER are added, as Apache does.
//
// It happens when the phase or handler that calls this has returned: that one must not have sent anything, and what it still
// writes is dropped. The result is a status for a phase to return.
func (x *Exchange) redirectInternally(target string) int {
	if x.Sent() {
		x.Abort(fmt.Errorf("an internal redirect to %q, but the response has begun", target))
		return x.status
	}
	if x.detour != nil && x.detour.count >= maxDetours {
		x.log(logs.Error, fmt.Sprintf("The request exceeded the limit of %d internal redirects; the next one would lead to %q. Rules or scripts send it round in a circle.",
			maxDetours, target))
		x.Error(http.StatusInternalServerError)
		return x.status
	}
	status := http.StatusOK
	if x.inDocument() {
		status = x.detour.document
	}
	clear(x.header)
	x.ruled = ruled{over: x.ruled.over}
	x.postpone(status)
	x.target = target
	return status
}

// getInternally is redirectInternally with the method GET and without a body, whatever the request has been.
func (x *Exchange) getInternally(target string) int {
	status := x.redirectInternally(target)
	x.withoutBody = true
	return status
}

// postpone says that something else answers in the place of the handler that runs, with that status for the time being. What
// the handler writes is dropped; resume is called when it has returned. A handler may hold what the other needs: a thread of
// the application.
func (x *Exchange) postpone(status int) {
	x.status, x.postponed, x.dropped = status, true, 0
	x.Reason = ""
}

// resume does what was postponed: an internal redirect if there is a target, else the page for the status.
func (s *Server) resume(x *Exchange) {
	status, target := x.status, x.target
	x.status, x.postponed, x.target = 0, false, ""
	if target == "" {
		s.answerWithPage(x, status)
		return
	}
	x.leaveFor(target, status, x.withoutBody)
	s.pass(x, phasesAgain[:])
}

// leaveFor makes the request one for the target. One that is no path is left as it is, for checkPath to refuse.
func (x *Exchange) leaveFor(target string, status int, get bool) {
	x.renameVariables(status)
	d := x.detour
	if d == nil {
		d = &detour{asked: x.Request}
		x.detour = d
	}
	d.count++
	d.request = *x.Request
	d.request.URL = targetURL(target)
	if get {
		dropBody(&d.request)
	}
	x.Request, x.withoutBody = &d.request, false
	x.Handler, x.Filename, x.Resource = "", "", nil
}

// targetURL parses a path with a query. What cannot be unescaped stays as it is, as in a file name with a percent sign.
func targetURL(target string) *url.URL {
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return &url.URL{Path: target}
	}
	return u
}

// renameVariables tells whoever answers what was asked for.
func (x *Exchange) renameVariables(status int) {
	const prefix = "REDIRECT_"
	for i := range x.variables {
		x.variables[i].Name = prefix + x.variables[i].Name
	}
	u := x.Request.URL
	x.SetVariable(prefix+"URL", u.Path)
	x.SetVariable(prefix+"STATUS", strconv.Itoa(status))
	if u.RawQuery != "" {
		x.SetVariable(prefix+"QUERY_STRING", u.RawQuery)
	}
	if x.User != "" {
		x.SetVariable(prefix+"REMOTE_USER", x.User)
	}
}

// bodyFields describe the body of a request, or make its answer depend on what the client has of another URL.
var bodyFields = [...]string{"Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type", "Expect",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range"}

// dropBody makes r a GET without a body and conditions. The map of its fields is shared with the client's request, so it gets one
// of its own.
func dropBody(r *http.Request) {
	fields := make(http.Header, len(r.Header))
	for name, values := range r.Header {
		fields[name] = values
	}
	for _, name := range bodyFields {
		delete(fields, name)
	}
	r.Method, r.Header, r.Body, r.ContentLength, r.TransferEncoding = http.MethodGet, fields, http.NoBody, 0, nil
}

// asked is the request as the client has sent it, whatever detours it took since.
func (x *Exchange) asked() *http.Request {
	if x.detour != nil {
		return x.detour.asked
	}
	return x.Request
}
