package logs

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// appendEscaped appends s as Apache's access log prints what a client chose: printable ASCII as it is, `"` and `\` behind a
// backslash, the C escapes, and everything else, bytes above 126 too, as \xhh.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			dst = appendEscape(append(dst, s[start:i]...), c)
			start = i + 1
		}
	}
	return append(dst, s[start:]...)
}

// appendEscape appends the escape of the one byte c.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	case '\v':
		return append(dst, `\v`...)
	}
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendPlain appends a line of an error message: text stays readable in any language, but what could drive a terminal
// (control characters other than tab) or is not UTF-8 is escaped. Apache escapes all non-ASCII here; a traceback with the
// user's own words in it should not need decoding.
func appendPlain(dst []byte, s string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\t', r >= 0x7f && r < 0xa0:
			for i := range n {
				dst = appendEscape(dst, s[i])
			}
		default:
			dst = append(dst, s[:n]...)
		}
		s = s[n:]
	}
	return dst
}
