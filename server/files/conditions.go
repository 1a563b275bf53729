package files

import (
	"net/http"
	"strings"
	"time"
)

// precondition evaluates the conditional fields of a request but If-Range, in the order of RFC 9110 section 13.2.2. It returns 304 or
// 412 when that is the answer, else 0.
func (v *variant) precondition(r *http.Request) int {
	h := r.Header
	if tags := h["If-Match"]; len(tags) > 0 {
		if !v.matches(tags, strongly) {
			return http.StatusPreconditionFailed
		}
	} else if t, ok := date(h, "If-Unmodified-Since"); ok && v.modified.After(t) {
		return http.StatusPreconditionFailed
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if tags := h["If-None-Match"]; len(tags) > 0 {
		switch {
		case !v.matches(tags, weakly):
			return 0
		case reads:
			return http.StatusNotModified
		}
		return http.StatusPreconditionFailed
	}
	if t, ok := date(h, "If-Modified-Since"); ok && reads && !v.modified.After(t) {
		return http.StatusNotModified
	}
	return 0
}

// wantsPart reports whether the ranges that a client asks for are of this variant: If-Range (RFC 9110 section 13.1.5) is an
// entity tag or a date, and either has to match strongly.
func (v *variant) wantsPart(r *http.Request) bool {
	values := r.Header["If-Range"]
	if len(values) == 0 {
		return true
	}
	if tag, rest := entityTagAt(values[0]); tag != "" {
		return trim(rest) == "" && strongly(tag, v.etag)
	}
	t, ok := date(r.Header, "If-Range")
	return ok && !v.weak && t.Equal(v.modified)
}

// date reads a field that is a date, in one of the three forms of RFC 9110 section 5.6.7. Any other value is as good as none.
func date(h http.Header, name string) (time.Time, bool) {
	values := h[name]
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	return t, err == nil
}

// The two ways of RFC 9110 section 8.8.3.2 to compare entity tags.
func strongly(a, b string) bool { return a == b && a[0] == '"' }
func weakly(a, b string) bool   { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// matches looks for the variant in lists of entity tags, or for the "*" that stands for all. A list is read up to what is no tag.
func (v *variant) matches(lists []string, same func(a, b string) bool) bool {
	for _, list := range lists {
		for list = skip(list); list != ""; list = skip(list) {
			if list[0] == '*' {
				return true
			}
			tag, rest := entityTagAt(list)
			if tag == "" {
				break
			}
			if same(tag, v.etag) {
				return true
			}
			list = rest
		}
	}
	return false
}

// skip takes off what may stand between members of a list (RFC 9110 section 5.6.1.2).
func skip(list string) string { return strings.TrimLeft(list, " \t,") }

// trim takes off white space.
func trim(s string) string { return strings.Trim(s, " \t") }

// entityTagAt is the entity tag that s begins with, after white space, and what follows it; "": there is none.
func entityTagAt(s string) (tag, rest string) {
	s = trim(s)
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if start == len(s) || s[start] != '"' {
		return "", ""
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:]
		case c <= ' ' || c == 0x7f: // RFC 9110 section 8.8.3
			return "", ""
		}
	}
	return "", ""
}
