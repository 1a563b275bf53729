package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
)

// Algorithms of Digest that there are, as RFC 7616 section 6.1 calls them. Their -sess variants, which make the hash of the
// password depend on the client's nonce, are not offered.
const (
	MD5    = "MD5"
	SHA256 = "SHA-256"
)

// DigestChallenge is the value of WWW-Authenticate that asks for a response with one algorithm (RFC 7616 section 3.3). stale says that
// the client need not ask its user again: just the nonce is not the right one. There is no opaque, since all that gild has to
// know is in the nonce.
func DigestChallenge(realm, nonce, algorithm string, stale bool) string {
	text := "Digest realm=" + quote(realm) + `, qop="auth", algorithm=` + algorithm + ", nonce=" + quote(nonce)
	if stale {
		text += ", stale=true"
	}
	return text
}

// Credentials are what a client has sent to a challenge of Digest.
type Credentials struct {
	User      string // with the bytes that the client has sent; not empty
	Realm     string
	Nonce     string
	URI       string
	Algorithm string // MD5 or SHA256
	Count     uint32 // how often the client has used the nonce, this time included; at least 1

	response, count, cnonce string
}

// ParseDigest reads the value of an Authorization field of Digest (RFC 7616 section 3.4). ok is false for another scheme, for what
// is not of its form, and for what was not offered: an algorithm that is not here, a qop other than auth, which includes the one
// without qop of RFC 2069, hashed user names, and names in another encoding (username*).
func ParseDigest(value string) (c Credentials, ok bool) {
	rest, ok := cutScheme(value, "Digest")
	if !ok {
		return c, false
	}
	p, ok := parameters(rest)
	if !ok || p["qop"] != "auth" || p["userhash"] != "" && !strings.EqualFold(p["userhash"], "false") {
		return c, false
	}
	c = Credentials{User: p["username"], Realm: p["realm"], Nonce: p["nonce"], URI: p["uri"],
		response: p["response"], count: p["nc"], cnonce: p["cnonce"]}
	if c.Algorithm, ok = algorithm(p["algorithm"]); !ok {
		return c, false
	}
	n, err := strconv.ParseUint(c.count, 16, 32)
	c.Count = uint32(n)
	ok = err == nil && n > 0 && len(c.count) == 8 && c.User != "" && !hasControl(c.User) && c.Nonce != "" && c.URI != "" && c.cnonce != ""
	return c, ok
}

// algorithm is the one that a client means: without the parameter MD5.
func algorithm(word string) (string, bool) {
	switch {
	case word == "" || strings.EqualFold(word, MD5):
		return MD5, true
	case strings.EqualFold(word, SHA256):
		return SHA256, true
	}
	return "", false
}

// Matches reports whether the client knows the password. hash is that of "user:realm:password", in lower-case hexadecimal digits. It
// takes the same time wherever the difference is.
func (c *Credentials) Matches(hash, method string) bool {
	want := c.digest(hash, method+":"+c.URI)
	return subtle.ConstantTimeCompare([]byte(want), []byte(c.response)) == 1
}

// Info is the value of Authentication-Info, by which the server shows that it knows the password, too (RFC 7616 section 3.5).
func (c *Credentials) Info(hash string) string {
	return `rspauth="` + c.digest(hash, ":"+c.URI) + `", qop=auth, nc=` + c.count + ", cnonce=" + quote(c.cnonce)
}

// digest is RFC 7616 section 3.4.1; last is what its A2 is.
func (c *Credentials) digest(hash, last string) string {
	h := c.hash
	return h(strings.Join([]string{hash, c.Nonce, c.count, c.cnonce, "auth", h(last)}, ":"))
}

func (c *Credentials) hash(text string) string {
	if c.Algorithm == SHA256 {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
