package auth

import "strings"

// parameters reads the auth-params of a credential: name=token or name="quoted string", with commas between them (RFC 9110 sections
// 11.2 and 5.6.1: elements of a list may be empty). Names come back in lower case. ok is false if the text is not of that form, or if
// a name comes twice: somebody on the way may have read the other one.
func parameters(text string) (values map[string]string, ok bool) {
	values = map[string]string{}
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return values, true
		}
		name, value, rest, ok := parameter(text)
		if _, twice := values[name]; !ok || twice {
			return nil, false
		}
		values[name] = value
		text = strings.TrimLeft(rest, " \t")
		if text != "" && text[0] != ',' {
			return nil, false
		}
	}
}

// parameter reads the first one.
func parameter(text string) (name, value, rest string, ok bool) {
	name, rest = token(text)
	rest = strings.TrimLeft(rest, " \t")
	if name == "" || rest == "" || rest[0] != '=' {
		return "", "", "", false
	}
	name, rest = strings.ToLower(name), strings.TrimLeft(rest[1:], " \t")
	if strings.HasPrefix(rest, `"`) {
		value, rest, ok = quoted(rest[1:])
		return name, value, rest, ok
	}
	value, rest = token(rest)
	return name, value, rest, value != ""
}

// token cuts a token off (RFC 9110 section 5.6.2).
func token(text string) (token, rest string) {
	for i := range len(text) {
		if !isTokenChar(text[i]) {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

func isTokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// quoted reads a quoted-string behind its first quote, and takes the backslashes out.
func quoted(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
