package server

import (
	"fmt"
	"html"
	"net/http"
	"strings"
)

// redirect sends requests on that came to the wrong place: over HTTP if there is to be HTTPS only, or for the name of
// the site without its "www.". A client on this machine that uses a name of this machine is let be.
func (s *Server) redirect(x *Exchange) int {
	insecure := s.site.HTTPSOnly && !x.secure()
	if x.standing == local || !insecure && x.standing != parent {
		return 0
	}
	scheme, port := x.Scheme(), x.publicPort()
	if insecure {
		scheme, port = "https", s.securePort(x)
	}
	host := x.host
	if s.site.Name != "" && x.standing != permitted && x.standing != proxied {
		host = s.site.Name
	}
	if host == "" {
		return x.refuse(http.StatusBadRequest, "there is HTTPS only, and the request names no host to redirect it to")
	}
	return x.redirectTo(location(scheme, host, port, x.public(originForm(x.Request.RequestURI))))
}

// publicPort is the port for URIs of what the client has reached. A proxy that says no port has kept that of the Host field.
func (x *Exchange) publicPort() string {
	switch {
	case x.told.Port != "":
		return x.told.Port
	case x.BehindProxy(), x.secure() && x.TLS() == nil:
		_, port, _ := parseHost(x.Request.Host)
		return port
	}
	return x.Listener().Port
}

// securePort is the port for the same by HTTPS: ours, or the usual one of a proxy that has told that its client came without.
func (s *Server) securePort(x *Exchange) string {
	if x.told.Scheme != "" {
		return ""
	}
	return s.site.HTTPSPort
}

// public is a path, perhaps with a query, as the client has to ask for it: below where a believed proxy has mounted the site.
func (x *Exchange) public(target string) string {
	if !x.told.Mounted {
		return target
	}
	if rest, ok := strings.CutPrefix(target, x.server.mount); ok && (rest == "" || strings.ContainsAny(rest[:1], "/?")) {
		target = rest
	}
	return escapeTarget(x.told.Script) + target
}

// redirectTo answers with 301, or with 308 where a client might make a GET out of another method (RFC 9110 section 15.4.9).
func (x *Exchange) redirectTo(uri string) int {
	status := http.StatusMovedPermanently
	if m := x.Request.Method; m != http.MethodGet && m != http.MethodHead {
		status = http.StatusPermanentRedirect
	}
	return x.redirectBy(status, uri)
}

// redirectBy answers with a redirect of that status. uri is in the form of a header field.
func (x *Exchange) redirectBy(status int, uri string) int {
	x.Header().Set("Location", uri)
	x.sendText(status, fmt.Sprintf(`What you asked for is at <a href="%s">another address</a>.`, html.EscapeString(uri)))
	return status
}

// location is the URI of a request's target at another origin. host is a name or an address without brackets; the port is
// left out where it is the usual one. Path and query stay as the client has written them.
func location(scheme, host, port, target string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != defaultPorts[scheme] {
		host += ":" + port
	}
	return scheme + "://" + host + escapeTarget(originForm(target))
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// originForm is path and query of a request's target, from the first slash on. The authority of a target in absolute form
// is taken off (RFC 9112 section 3.2), and with a slash before whatever is left nothing can become one.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	_, rest, _ := strings.Cut(target, "://")
	switch i := strings.IndexAny(rest, "/?#"); {
	case i < 0:
		return "/"
	case rest[i] == '/':
		return rest[i:]
	default:
		return "/" + rest[i:]
	}
}

// escapeTarget escapes what was accepted in a request but is nothing for a URI in a header field: control characters,
// spaces, bytes beyond ASCII, and what would begin a fragment.
func escapeTarget(target string) string {
	var b strings.Builder
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '#' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
