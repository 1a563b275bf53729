package cgi

// Variable returns the name of the variable for a header field, such as HTTP_USER_AGENT (RFC 3875 section 4.1.18), or "" for a field
// that a program must not see: one with anything but letters, digits and hyphens in its name, since an underscore could pass for a
// hyphen; Proxy, which libraries would take for HTTP_PROXY (CVE-2016-5385); and Proxy-Authorization, which is for the server.
func Variable(field string) string {
	switch field {
	case "Content-Type":
		return "CONTENT_TYPE"
	case "Content-Length", "Proxy", "Proxy-Authorization":
		return ""
	}
	b := []byte("HTTP_" + field)
	for i := len("HTTP_"); i < len(b); i++ {
		switch c := b[i]; {
		case c >= 'a' && c <= 'z':
			b[i] = c - 'a' + 'A'
		case c == '-':
			b[i] = '_'
		case c < '0' || c > '9' && c < 'A' || c > 'Z':
			return ""
		}
	}
	return string(b)
}
