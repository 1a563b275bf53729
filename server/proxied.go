package server

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gild/server/proxy"
)

// A Proxy is a part of the site that another server answers for.
type Proxy struct {
	Mount   string         // decoded URL path: with a slash at its end what is below it; without one its own address, too, which is redirected there (S58). "" together with Host
	Host    string         // host name in the form of Site.Name: all of that host; "" together with Mount
	Backend *proxy.Backend // required
}

// sortProxies puts them in the order in which they are asked: hosts, since a virtual host is a site of its own, then paths,
// the longest first.
func sortProxies(proxies []Proxy) []Proxy {
	sorted := slices.Clone(proxies)
	slices.SortStableFunc(sorted, func(a, b Proxy) int {
		if (a.Host == "") != (b.Host == "") {
			return strings.Compare(b.Host, a.Host)
		}
		return len(b.Mount) - len(a.Mount)
	})
	return sorted
}

// hostsOf are the virtual hosts among proxies.
func hostsOf(proxies []Proxy) (names []string) {
	for _, p := range proxies {
		if p.Host != "" {
			names = append(names, p.Host)
		}
	}
	return names
}

// proxied answers for the parts of the site that are passed on.
func (s *Server) proxied(x *Exchange) http.Handler {
	for i := range s.proxies {
		p, path := &s.proxies[i], x.Request.URL.Path
		switch below := strings.HasSuffix(p.Mount, "/"); {
		case p.Host != "" && p.Host == x.host:
			return passing{p}
		case p.Host != "" || !strings.HasPrefix(path, p.Mount):
		case !below && path == p.Mount:
			return http.HandlerFunc(addSlash)
		case below || path[len(p.Mount)] == '/':
			return passing{p}
		}
	}
	return nil
}

// addSlash redirects from a mount point to what is below it (S58): relative addresses in the pages of the other server are
// right only there. 307 is for methods that 302 would make a GET of (RFC 9110 section 15.4).
func addSlash(w http.ResponseWriter, r *http.Request) {
	x, status := From(w), http.StatusFound
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusTemporaryRedirect
	}
	u := url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	uri := escapeTarget(x.Origin() + x.public(u.String()))
	x.Handler = proxyHandler
	x.Header().Set("Location", uri)
	x.sendText(status, fmt.Sprintf(`What you asked for is at <a href="%s">another address</a>.`, html.EscapeString(uri)))
}
