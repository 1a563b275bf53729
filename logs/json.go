package logs

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// A jsonObject is an object of RFC 8259 that is being written, in one line. Whatever bytes a client sends, it is valid: a byte that
// is no UTF-8 becomes the character of the same number, as it would be in Latin-1, which is how WSGI shows it to the
// application; control characters, and what some readers take for the end of a line, are escaped.
type jsonObject []byte

func (o jsonObject) key(name string) jsonObject {
	if o[len(o)-1] != '{' {
		o = append(o, ',')
	}
	return append(append(append(o, '"'), name...), '"', ':')
}

// text adds a string; null if there is nothing.
func (o jsonObject) text(name, value string) jsonObject {
	if value == "" {
		return append(o.key(name), "null"...)
	}
	return appendJSON(o.key(name), value)
}

// number adds a number; null if it is not known.
func (o jsonObject) number(name string, n int64, known bool) jsonObject {
	if !known {
		return append(o.key(name), "null"...)
	}
	return strconv.AppendInt(o.key(name), n, 10)
}

func (o jsonObject) boolean(name string, value bool) jsonObject {
	return strconv.AppendBool(o.key(name), value)
}

// moment adds a time as RFC 3339 has it, in UTC, with microseconds.
func (o jsonObject) moment(name string, t time.Time) jsonObject {
	o = append(o.key(name), '"')
	return append(t.UTC().AppendFormat(o, "2006-01-02T15:04:05.000000Z"), '"')
}

// appendJSON appends s as a string of JSON.
func appendJSON(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = appendJSONRune(dst, s[i:i+n], r)
		i += n
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// appendJSONRune appends one character, of which text are the bytes.
func appendJSONRune(dst []byte, text string, r rune) []byte {
	switch {
	case r == '"', r == '\\':
		return append(dst, '\\', text[0])
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\t':
		return append(dst, '\\', 't')
	case r == '\r':
		return append(dst, '\\', 'r')
	case r == utf8.RuneError && len(text) == 1:
		r = rune(text[0])
	case r >= 0xa0 && r != 0x2028 && r != 0x2029:
		return append(dst, text...)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
