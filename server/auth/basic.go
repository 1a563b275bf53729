package auth

import (
	"encoding/base64"
	"strings"
)

// BasicChallenge is the value of WWW-Authenticate that asks for a name and a password (RFC 7617 section 2).
func BasicChallenge(realm string) string { return "Basic realm=" + quote(realm) }

// ParseBasic reads the value of an Authorization field of Basic. The bytes of name and password are as the client has sent
// them: RFC 7617 leaves their encoding open. ok is false for another scheme, for what is not base64 with a colon in it, for
// control characters, which section 2 forbids, and for an empty name, which would be nobody.
func ParseBasic(value string) (user, password string, ok bool) {
	rest, ok := cutScheme(value, "Basic")
	if !ok {
		return "", "", false
	}
	decoded, err := decodeBase64(rest)
	if err != nil {
		return "", "", false
	}
	user, password, ok = strings.Cut(string(decoded), ":")
	if !ok || user == "" || hasControl(user) || hasControl(password) {
		return "", "", false
	}
	return user, password, true
}

// decodeBase64 takes it with padding or without: some clients leave it out, and Apache takes that.
func decodeBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}

// cutScheme returns what follows the scheme, whose case does not matter (RFC 9110 section 11.1).
func cutScheme(value, scheme string) (string, bool) {
	word, rest, ok := strings.Cut(strings.Trim(value, " \t"), " ")
	return strings.Trim(rest, " \t"), ok && strings.EqualFold(word, scheme)
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// quote makes a quoted-string (RFC 9110 section 5.6.4).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
