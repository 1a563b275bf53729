package server

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"gild/server/auth"
)

// now is the time for nonces.
func now() time.Time { return time.Now() }

// authenticate finds out who the client is. Without credentials, or with others than are asked for, it is asked for them; the
// Authorization field stays in the request, since it is the application's, too (S92).
func (s *Server) authenticate(x *Exchange) int {
	if s.access.Type == "" {
		return 0
	}
	unknown := Ruling{Status: http.StatusUnauthorized}
	fields := x.Request.Header["Authorization"]
	if len(fields) != 1 {
		return x.challenge(unknown, false)
	}
	if s.access.Type == Digest {
		if c, ok := auth.ParseDigest(fields[0]); ok {
			return s.digest(x, &c)
		}
	} else if user, password, ok := auth.ParseBasic(fields[0]); ok {
		return s.basic(x, user, password)
	}
	return x.challenge(unknown, false)
}

// basic asks about a password.
func (s *Server) basic(x *Exchange, user, password string) int {
	name, ruling := s.access.Authority.CheckPassword(x, user, password)
	if ruling.Status == 0 {
		x.User, x.AuthType = name, Basic
	}
	return x.challenge(ruling, false)
}

// digest goes by RFC 7616. What costs nothing is looked at first; that a nonce was used is noted when the client has shown that it
// knows the password, since everybody can invent counts.
func (s *Server) digest(x *Exchange, c *auth.Credentials) int {
	a := &s.access
	switch {
	case !sameTarget(c.URI, x.Request):
		return x.deny(http.StatusBadRequest, "the uri of the Authorization field is not that of the request") // section 3.4.6
	case c.Realm != a.Realm || !slices.Contains(a.Algorithms, c.Algorithm):
		return x.challenge(Ruling{Status: http.StatusUnauthorized}, false)
	case !a.Nonces.Fresh(c.Nonce, now()):
		return x.challenge(Ruling{Status: http.StatusUnauthorized}, true)
	}
	hash, ruling := a.Authority.RealmHash(x, c.User, a.Realm, c.Algorithm)
	switch {
	case ruling.Status != 0:
		return x.challenge(ruling, false)
	case !c.Matches(hash, x.Request.Method):
		return x.challenge(a.Authority.PasswordMismatch(x, c.User), false)
	case !a.Nonces.Use(c.Nonce, c.Count):
		return x.challenge(Ruling{http.StatusUnauthorized, "Digest: the nonce of user '" + c.User + "' was used with this count before; the client has to take a new one."}, true)
	}
	x.User, x.AuthType = c.User, Digest
	x.header["Authentication-Info"] = []string{c.Info(hash)}
	return 0
}

// sameTarget reports whether the uri of credentials is the target of the request. A client that sends it in absolute form may leave
// scheme and host out of the one, and not out of the other.
func sameTarget(uri string, r *http.Request) bool {
	return uri == r.RequestURI || withoutOrigin(uri) == withoutOrigin(r.RequestURI)
}

// withoutOrigin is path and query of an http or https URI; another text is returned as it is.
func withoutOrigin(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return uri
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 && rest[i] == '/' {
		return rest[i:]
	} else if i >= 0 {
		return "/" + rest[i:]
	}
	return "/"
}
