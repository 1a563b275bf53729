package server

import (
	"fmt"
	"net/http"
	"strings"

	"gild/logs"
)

// challengePath is where an ACME authority looks for the answer to its challenge, RFC 8555 section 8.3.
const challengePath = "/.well-known/acme-challenge/"

// serveChallenge answers the authority that wants to see whether a name leads here. It asks over HTTP, and for names that
// may be about to become ours, so this comes before hosts and redirects. A path that is none of gild's own goes on.
func (s *Server) serveChallenge(x *Exchange) int {
	r := x.Request
	if s.challenge == nil || x.TLS() != nil || !strings.HasPrefix(r.URL.Path, challengePath) {
		return 0
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !s.challenge(x, r) {
		return 0
	}
	x.Handler = "acme-challenge"
	if !x.Sent() {
		x.WriteHeader(http.StatusOK)
	}
	return x.status
}

// checkHost finds out what the host of the request is to the site, and refuses what is none of ours: with 403 as Apache's
// denied default host, or with 421 what a client sends here only because it has a connection already.
func (s *Server) checkHost(x *Exchange) int {
	r := x.Request
	name, _, ok := parseHost(r.Host)
	switch {
	case !ok:
		return x.refuse(http.StatusBadRequest, fmt.Sprintf("%.300q cannot be a host", r.Host))
	case !x.oneHost():
		return x.refuse(http.StatusBadRequest, "the Host field is not what :authority says")
	case r.URL.Scheme == "https" && !x.secure(): // RFC 9110 section 7.4
		return x.deny(http.StatusMisdirectedRequest, "a target of https came over a connection without TLS")
	}
	x.host, x.standing = name, s.hosts.standing(name, x)
	switch {
	case x.standing != foreign:
		return 0
	case x.coalesced():
		return x.deny(http.StatusMisdirectedRequest, fmt.Sprintf("the host %q on a connection for %q", name, x.TLS().ServerName))
	}
	why := fmt.Sprintf("the host %q is neither --server-name nor a --server-alias", name)
	if name == "" {
		why = "it names no host, and only --server-name is served"
	}
	x.deny(http.StatusForbidden, why)
	x.sendText(http.StatusForbidden, "This server is not meant to be used under the host name in the address.")
	return http.StatusForbidden
}

// oneHost removes a Host field that came beside :authority, so that there are no two opinions behind this. It reports false
// when they differ (RFC 9113 section 8.3.1, RFC 9114 section 4.3.1). With HTTP/1 net/http has seen to it.
func (x *Exchange) oneHost() bool {
	r := x.Request
	if r.ProtoMajor < 2 {
		return true
	}
	fields := r.Header["Host"]
	delete(r.Header, "Host")
	return len(fields) == 0 || len(fields) == 1 && strings.EqualFold(fields[0], r.Host)
}

// coalesced reports whether the client may have better luck with a connection of its own for this host: the one it uses was
// opened for another (RFC 9113 section 9.1.1). Of a host that a proxy tells it knows nothing.
func (x *Exchange) coalesced() bool {
	state := x.TLS()
	return state != nil && x.told.Host == "" && x.Request.ProtoMajor >= 2 && state.ServerName != "" && !strings.EqualFold(state.ServerName, x.host)
}

// verifyClient refuses what needs a client certificate to whom has shown none, over HTTP too: there is no other way around.
// In early data the certificate is that of the session, and whoever has recorded the request can send it again: then the
// client has to, when the handshake is complete (RFC 8470 section 5.2).
func (s *Server) verifyClient(x *Exchange) int {
	if !s.site.ClientCA || !needsCertificate(s.site.VerifyClient, x.Request.URL.Path) {
		return 0
	}
	if state := x.TLS(); state != nil && len(state.VerifiedChains) > 0 {
		if !state.HandshakeComplete {
			return x.refuse(http.StatusTooEarly, "a client certificate is needed, and this is early data")
		}
		return 0
	}
	x.deny(http.StatusForbidden, "no client certificate")
	x.sendText(http.StatusForbidden, "This address needs HTTPS and a client certificate that this server trusts.")
	return http.StatusForbidden
}

// needsCertificate reports whether a normalized path is one of paths or below one; everything is if there are none.
func needsCertificate(paths []string, path string) bool {
	for _, p := range paths {
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(p, "/"))
		if ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return len(paths) == 0
}

// canonicalName is the name of the site for the log's %v, if the request was for the site; "" is the host it was for.
func (x *Exchange) canonicalName() string {
	if x.standing == ours || x.standing == parent {
		return x.server.site.Name
	}
	return ""
}

// tlsVariables looks up mod_ssl's variables for the log. It is nil on a server without HTTPS, and costs nothing without TLS; the
// variables are made when the first of them is asked for.
func (x *Exchange) tlsVariables() func(name string) string {
	state := x.TLS()
	switch {
	case x.server.variables == nil:
		return nil
	case state == nil:
		return plainVariables
	}
	var values map[string]string
	return func(name string) string {
		if values == nil {
			values = map[string]string{"HTTPS": "on"}
			x.server.variables(state, func(key, value string) { values[key] = value })
		}
		return values[name]
	}
}

// plainVariables are those of a connection without TLS.
func plainVariables(name string) string {
	if name == "HTTPS" {
		return "off"
	}
	return ""
}

// deny logs why a request is not served and returns status. The client has done nothing wrong, so it keeps its connection.
func (x *Exchange) deny(status int, why string) int {
	x.log(logs.Info, fmt.Sprintf("Request refused: %d %s (%s)", status, http.StatusText(status), why))
	return status
}
