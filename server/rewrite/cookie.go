package rewrite

import (
	"strconv"
	"strings"
	"time"
)

// splitCookie takes the value of a flag CO apart. After a semicolon at its beginning that is what divides it, so that a value can
// have colons.
func splitCookie(value string) []string {
	if rest, ok := strings.CutPrefix(value, ";"); ok {
		return strings.Split(rest, ";")
	}
	return strings.Split(value, ":")
}

// makeCookie is the value of a Set-Cookie field for an expanded flag CO; "" if nothing is left of its name.
func makeCookie(value string, now time.Time) string {
	f := append(splitCookie(value), make([]string, 8)...)
	name, content, domain, minutes, path := f[0], f[1], f[2], f[3], f[4]
	if name == "" || strings.ContainsAny(name+content+domain+path, "\r\n\x00;") {
		return ""
	}
	if path == "" {
		path = "/"
	}
	text := name + "=" + content + "; path=" + path + "; domain=" + domain
	if n, err := strconv.Atoi(minutes); err == nil && n != 0 {
		text += "; expires=" + now.Add(time.Duration(n)*time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	}
	if isTrue(f[5], "secure") {
		text += "; secure"
	}
	if isTrue(f[6], "HttpOnly") {
		text += "; HttpOnly"
	}
	if same := f[7]; same != "" && same != "0" && !strings.EqualFold(same, "false") {
		text += "; SameSite=" + same
	}
	return text
}

// isTrue is how mod_rewrite reads a switch: 1, true or its own name.
func isTrue(value, name string) bool {
	return value == "1" || strings.EqualFold(value, "true") || strings.EqualFold(value, name)
}
