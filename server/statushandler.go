package server

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// StatusOptions say who may see the status.
type StatusOptions struct {
	// Everyone lets every client see it: for a socket that is guarded by its permissions. Otherwise only a client of this
	// machine that asks for it by a name of this machine gets an answer, and others 403.
	Everyone bool
}

// StatusHandler serves what source says at the moment, as a page or in another form that the query asks for:
//
//	?refresh=N  the page, loaded again every N seconds (1 to 86400; ten without a number), as mod_status does
//	?auto       text for machines with mod_status' keys
//	?json       Status as JSON
//
// source is called by the goroutine of each request.
func StatusHandler(source func() Status, opts StatusOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !opts.Everyone && !isLocal(w, r) {
			sendError(w, http.StatusForbidden)
			return
		}
		if !isReading(w, r) {
			return
		}
		query, err := parseStatusQuery(r.URL.RawQuery)
		if err != nil {
			sendError(w, http.StatusBadRequest)
			return
		}
		if query.refresh != "" {
			w.Header().Set("Refresh", query.refresh)
		}
		status := source()
		sendFresh(w, query.form.mediaType, query.form.render(&status))
	})
}

// isReading answers all methods that want to do something.
func isReading(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	sendError(w, http.StatusMethodNotAllowed)
	return false
}

// sendFresh sends a body that will be old in a second.
func sendFresh(w http.ResponseWriter, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that leaves is no news
}

// sendError sends the server's own page, also from an extra listener, which has no Exchange.
func sendError(w http.ResponseWriter, status int) {
	if x := From(w); x != nil {
		x.sendPage(status)
		return
	}
	w.Header().Set("Content-Type", pageType)
	w.WriteHeader(status)
	_, _ = w.Write(errorPage(status, ""))
}

// forwarding are fields that a proxy adds. A client behind a proxy on this machine is not of this machine.
var forwarding = []string{"Forwarded", "Via", "X-Client-Ip", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// isLocal reports whether the client is on this machine and says so. The name keeps pages of other sites away, whose
// names somebody lets point here (DNS rebinding).
func isLocal(w http.ResponseWriter, r *http.Request) bool {
	if x := From(w); x != nil && !x.near() {
		return false
	}
	return isNear(r) && isLocalName(r.Host)
}

// isNear reports whether the client is on this machine, and no proxy for one that is not.
func isNear(r *http.Request) bool {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !addr.Addr().Unmap().IsLoopback() {
		return false
	}
	return !wasForwarded(r.Header)
}

// wasForwarded reports whether a header has fields of a proxy.
func wasForwarded(h http.Header) bool {
	for _, name := range forwarding {
		if h[name] != nil {
			return true
		}
	}
	return false
}

// isLocalName reports whether a Host field, with or without a port, names this machine.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch strings.ToLower(host) {
	case "localhost", "127.0.0.1", "::1", "[::1]":
		return true
	}
	return false
}

// A statusForm is a way to show a Status.
type statusForm struct {
	mediaType string
	render    func(*Status) []byte
}

var (
	statusPage = statusForm{"text/html; charset=utf-8", renderStatusPage}
	statusAuto = statusForm{"text/plain; charset=utf-8", renderStatusAuto}
	statusJSON = statusForm{"application/json", renderStatusJSON}
)

func renderStatusJSON(s *Status) []byte {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Appendf(nil, "%q\n", "the status cannot be shown as JSON: "+err.Error()) // an infinite rate, at worst
	}
	return append(text, '\n')
}

// A statusQuery is what a query asks for.
type statusQuery struct {
	form    *statusForm
	refresh string // seconds; "" is not at all
}

// parseStatusQuery reads a query. What it does not know is ignored: people add something to get past a cache.
func parseStatusQuery(query string) (statusQuery, error) {
	q := statusQuery{form: &statusPage}
	for part := range strings.SplitSeq(query, "&") {
		name, value, given := strings.Cut(part, "=")
		switch name {
		case "auto":
			q.form = &statusAuto
		case "json":
			q.form = &statusJSON
		case "refresh":
			if !given {
				value = "10"
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 86400 {
				return q, fmt.Errorf("refresh=%q is not a number of seconds from 1 to 86400", value)
			}
			q.refresh = strconv.Itoa(n)
		}
	}
	return q, nil
}
