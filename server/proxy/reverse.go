package proxy

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// reverse makes the addresses in a response those of the site, as ProxyPassReverse does, and the paths and domains of
// cookies. A backend that has understood X-Forwarded-Prefix or X-Forwarded-Host uses such addresses already: those stay.
func (b *Backend) reverse(h http.Header, from *Origin) {
	for _, name := range []string{"Location", "Content-Location", "Uri"} {
		if v := h[name]; len(v) == 1 {
			h.Set(name, b.public(v[0], from))
		}
	}
	for i, cookie := range h["Set-Cookie"] {
		h["Set-Cookie"][i] = b.publicCookie(cookie, from)
	}
	delete(h, "Alt-Svc") // it speaks of ports of the backend (RFC 7838)
}

// public is a reference as it has to be for the client. What does not lead to the backend is left alone, and so is what is
// relative to the address of the request.
func (b *Backend) public(ref string, from *Origin) string {
	u, err := url.Parse(ref)
	if err != nil || u.Opaque != "" || u.User != nil {
		return ref
	}
	path, ok := b.publicPath(u.EscapedPath(), from)
	if u.Host == "" {
		if !strings.HasPrefix(u.Path, "/") || !ok {
			return ref
		}
		return path + tail(ref)
	}
	if !ok || !b.isTarget(u) {
		return ref
	}
	if from.Host == "" {
		return path + tail(ref)
	}
	return from.Scheme + "://" + from.Host + path + tail(ref)
}

// tail is query and fragment of a reference.
func tail(ref string) string {
	if i := strings.IndexAny(ref, "?#"); i >= 0 {
		return ref[i:]
	}
	return ""
}

// publicPath is an escaped path of the backend as one of the site; false: it is none below the target.
func (b *Backend) publicPath(path string, from *Origin) (string, bool) {
	if path == "" {
		path = "/"
	}
	if from.Mount != "" && isBelow(path, from.Mount) {
		return path, true
	}
	if !isBelow(path, b.base) {
		return "", false
	}
	path = from.Mount + path[len(b.base):]
	if path == "" {
		path = "/"
	}
	return path, true
}

// isBelow reports whether a path is top, which has no slash at its end, or below it.
func isBelow(path, top string) bool {
	rest, ok := strings.CutPrefix(path, top)
	return ok && (rest == "" || rest[0] == '/')
}

// isTarget reports whether a URL with a host leads to the backend.
func (b *Backend) isTarget(u *url.URL) bool {
	scheme := strings.ToLower(u.Scheme)
	if scheme == "" {
		scheme = b.url.Scheme // "//host/path"
	}
	return scheme == b.url.Scheme && strings.EqualFold(hostPort(u.Host, scheme), hostPort(b.url.Host, scheme))
}

// hostPort is a host with its port, also where that is the usual one.
func hostPort(host, scheme string) string {
	if _, port, err := net.SplitHostPort(host); err == nil && port != "" {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return strings.TrimSuffix(host, ":") + ":" + port
}

// publicCookie is a Set-Cookie field with Path and Domain (RFC 6265 section 4.1.2) as they have to be for the client. A
// cookie with the prefix __Host- keeps its path: it would be refused with any other than the root.
func (b *Backend) publicCookie(cookie string, from *Origin) string {
	name, attributes, ok := strings.Cut(cookie, ";")
	if !ok {
		return cookie
	}
	kept := []string{name}
	for attribute := range strings.SplitSeq(attributes, ";") {
		key, value, given := strings.Cut(strings.TrimSpace(attribute), "=")
		switch {
		case given && strings.EqualFold(key, "Path") && !strings.HasPrefix(strings.TrimSpace(name), "__Host-"):
			attribute = " " + key + "=" + b.publicCookiePath(value, from)
		case strings.EqualFold(key, "Domain") && b.ownDomain(value, from):
			continue
		}
		kept = append(kept, attribute)
	}
	return strings.Join(kept, ";")
}

// publicCookiePath leaves a path alone that is none below the target: the cookie is for more than that.
func (b *Backend) publicCookiePath(path string, from *Origin) string {
	if public, ok := b.publicPath(path, from); ok && strings.HasPrefix(path, "/") {
		return public
	}
	return path
}

// ownDomain reports whether a cookie is for the backend's domain, which is not that of the site. Without Domain it is for
// the host of the request, which is the site's.
func (b *Backend) ownDomain(domain string, from *Origin) bool {
	domain = strings.ToLower(strings.TrimPrefix(domain, "."))
	host := (&url.URL{Host: from.Host}).Hostname()
	return domain != "" && inDomain(b.url.Hostname(), domain) && !inDomain(host, domain)
}

// inDomain is the domain-match of RFC 6265 section 5.1.3.
func inDomain(host, domain string) bool {
	host = strings.ToLower(host)
	return host == domain || strings.HasSuffix(host, "."+domain) && net.ParseIP(host) == nil
}
