package proxy

import (
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
)

// hearsay are fields in which proxies tell of clients. What a backend gets of them is what we say: a client could write
// them as well. Whoever is trusted has been listened to before, which shows in the Origin.
var hearsay = []string{
	"Forwarded", "X-Client-Ip", "X-Host", "X-Https", "X-Real-Ip", "X-Scheme", "X-Script-Name",
	"Proxy", // a CGI script behind the backend would take it for a setting of its own, CVE-2016-5385
}

// rewrite makes the request one to the backend.
func (p *passage) rewrite(r *httputil.ProxyRequest) {
	out := r.Out
	if p.upload != nil {
		p.upload.out = out
	}
	clean(out.Header)
	cleanTrailer(out.Trailer)
	p.backend.address(out.URL, r.In.URL)
	out.Host = "" // that of the URL, as with ProxyPreserveHost Off
	p.introduce(out.Header)
	p.upgrade(out)
}

// clean removes what must not reach a backend: hearsay, and names with other characters than letters, digits and hyphens.
// CGI and WSGI make the same variable of X_Y and of X-Y, so that one could be put in the place of the other (S3).
func clean(h http.Header) {
	for _, name := range hearsay {
		delete(h, name)
	}
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") || !isPlain(name) {
			delete(h, name)
		}
	}
}

// unfit are fields that must not come after the body, since they say how to treat the message, where it goes or who sends it (RFC 9110
// section 6.5.1). A backend that merges trailers into the header would take them for what was checked before. Those that frame a message
// are refused by net/http.
var unfit = []string{
	"Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Range", "Content-Type", "Cookie", "Expect", "Host",
	"Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authorization", "Proxy-Connection", "Range", "Te", "Upgrade",
}

// cleanTrailer is clean for the fields that the client has announced to come after the body.
func cleanTrailer(h http.Header) {
	clean(h)
	for _, name := range unfit {
		delete(h, name)
	}
	for name := range h {
		if strings.HasPrefix(name, "If-") {
			delete(h, name)
		}
	}
}

// isPlain reports whether a name has letters, digits and hyphens only.
func isPlain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// address makes a URL of the site one of the backend, as ProxyPass does: what follows the mount point follows the path of
// the target. What the client has escaped stays so, byte for byte.
func (b *Backend) address(out, in *url.URL) {
	out.Scheme, out.Host = b.url.Scheme, b.url.Host
	raw := b.base + after(in.EscapedPath(), b.length)
	if raw == "" {
		raw = "/"
	}
	out.RawPath = raw
	out.Path, _ = url.PathUnescape(raw) // both parts were escaped by package url
	out.RawQuery, out.ForceQuery = in.RawQuery, in.ForceQuery
}

// after is what follows the first n decoded bytes of an escaped path.
func after(escaped string, n int) string {
	at := 0
	for ; n > 0 && at < len(escaped); n-- {
		if escaped[at] == '%' {
			at += 2
		}
		at++
	}
	return escaped[min(at, len(escaped)):]
}

// introduce tells the backend of the client (S58). Besides what mod_proxy and mod_wsgi-express send there is
// X-Forwarded-Proto, which is what most frameworks look for, and Forwarded (RFC 7239). There is no Via, as with ProxyVia Off.
func (p *passage) introduce(h http.Header) {
	o := p.from
	h.Set("X-Forwarded-For", o.chain())
	h.Set("X-Forwarded-Proto", o.Scheme)
	h.Set("X-Forwarded-Server", o.Server)
	h.Set("X-Forwarded-Port", o.Port)
	if o.Host != "" {
		h.Set("X-Forwarded-Host", o.Host)
	}
	if o.Scheme == "https" {
		h.Set("X-Forwarded-Scheme", "https")
	}
	if o.Mount != "" {
		h.Set("X-Forwarded-Prefix", o.Mount)
	}
	h.Set("Forwarded", o.forwarded())
}

// chain is X-Forwarded-For: the client, and the proxy that is between it and us. What a client says of proxies before it is
// not passed on.
func (o *Origin) chain() string {
	if o.Proxy == "" {
		return o.client()
	}
	return o.client() + ", " + o.Proxy
}

// client is its address, or what RFC 7239 section 6.2 has for somebody without one: a proxy may have told us no address.
func (o *Origin) client() string {
	if _, err := netip.ParseAddr(o.Client); err != nil {
		return "unknown"
	}
	return o.Client
}

// forwarded is the field of RFC 7239 section 4. An address with colons and a host with a port have to be quoted.
func (o *Origin) forwarded() string {
	client := o.client()
	if strings.Contains(client, ":") {
		client = `"[` + client + `]"`
	}
	pairs := "for=" + client
	if o.Host != "" {
		pairs += ";host=" + quoted(o.Host)
	}
	return pairs + ";proto=" + o.Scheme
}

// quoted puts a host into quotes if it is no token (RFC 9110 section 5.6.2). It has no quotes or backslashes in it.
func quoted(host string) string {
	if strings.ContainsAny(host, ":[]") {
		return `"` + host + `"`
	}
	return host
}
