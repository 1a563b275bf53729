package rewrite

import (
	"net"
	"strings"
)

// isURL reports whether s begins with a scheme that a redirect can have.
func isURL(s string) bool {
	scheme, _, found := strings.Cut(s, "://")
	if !found {
		return len(s) > len("mailto:") && strings.EqualFold(s[:len("mailto:")], "mailto:")
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "ftp":
		return true
	}
	return false
}

// ownURL returns the path of a URL that is one of this very site, by its scheme, name and port.
func (s *state) ownURL(url string) (string, bool) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found || !strings.EqualFold(scheme, s.request.Variable("REQUEST_SCHEME")) {
		return "", false
	}
	authority, path, _ := strings.Cut(rest, "/")
	host, port, err := net.SplitHostPort(authority)
	if err != nil {
		host, port = authority, map[string]string{"http": "80", "https": "443"}[strings.ToLower(scheme)]
	}
	own := strings.EqualFold(host, s.request.Variable("SERVER_NAME")) && port == s.request.Variable("SERVER_PORT")
	return "/" + path, own
}

// location is the address as the Location field has it.
func (s *state) location() string {
	name, query := s.name, s.query
	if !s.noEscape {
		name, query = escapeAddress(name), escapeQuery(query)
	}
	name, query = stripControls(name), stripControls(query)
	if query != "" {
		name += "?" + query
	}
	return name
}

// escapeAddress escapes the path of an address. A fragment cannot be written without flag NE, as with httpd.
func escapeAddress(address string) string {
	if !isURL(address) {
		return escapeBytes(address, pathBytes)
	}
	scheme, rest, _ := strings.Cut(address, "://")
	authority, path, found := strings.Cut(rest, "/")
	if !found {
		return address
	}
	return scheme + "://" + authority + "/" + escapeBytes(path, pathBytes)
}

const (
	unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	pathBytes  = unreserved + "!$&'()*+,;=:@/"
	queryBytes = pathBytes + "?%" // what is escaped in it was so before
)

// escapeQuery escapes what no query can have (RFC 3986 section 3.4).
func escapeQuery(query string) string { return escapeBytes(query, queryBytes) }

// escapeGroup is flag B: nothing of a group but letters, digits and an underscore has a meaning in an address then.
func escapeGroup(s string) string { return escapeBytes(s, unreserved[:62]+"_") }

// escapeBytes escapes each byte that is not allowed.
func escapeBytes(s, allowed string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; strings.IndexByte(allowed, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// stripControls removes what would end a header field: with NE nothing else is escaped.
func stripControls(s string) string {
	if !hasControl(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}
