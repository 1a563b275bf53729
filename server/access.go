package server

import (
	"fmt"
	"net/http"

	"gild/logs"
	"gild/server/auth"
)

// Access says who may see the site. It guards all that is routed, files and proxies too, and the status page; the challenges
// of certificate authorities are exempt. The zero value lets everybody in.
type Access struct {
	Authority Authority // whom to ask; required by what follows

	Hosts      bool         // Authority.AllowAccess decides about each request
	Type       string       // Basic or Digest: requests need a user; "": nobody is asked who he is
	Realm      string       // what the client is asked for, the protection space of RFC 9110 section 11.5
	Algorithms []string     // of Digest, auth.SHA256 or auth.MD5, the best first; at least one
	Nonces     *auth.Nonces // of Digest; required
	Group      string       // Authority.CheckGroup has to agree; "": every user may
}

// The values of Access.Type, and of AUTH_TYPE.
const (
	Basic  = "Basic"
	Digest = "Digest"
)

// An Authority knows hosts and users. It is asked about a request whose head is complete, by the goroutine of the request; it must not
// read the body nor answer.
type Authority interface {
	// AllowAccess is about the name of the client's address, or the address.
	AllowAccess(x *Exchange, host string) Ruling
	// CheckPassword also returns what the user is called from then on, if he is let in.
	CheckPassword(x *Exchange, user, password string) (name string, r Ruling)
	// RealmHash returns the hash of "user:realm:password" in lower-case hexadecimal digits, if there is the user.
	RealmHash(x *Exchange, user, realm, algorithm string) (hash string, r Ruling)
	// PasswordMismatch is the ruling about a user whose response does not fit his hash.
	PasswordMismatch(x *Exchange, user string) Ruling
	// CheckGroup is about a user who is known.
	CheckGroup(x *Exchange, user, group string) Ruling
}

// A Ruling is what an [Authority] says about a request.
type Ruling struct {
	Status int    // 0: it may go on; 401, 403 or 500 otherwise
	Reason string // for the error log; "": there is nothing to say
}

// admit is all three phases, for what is answered before they come.
func (s *Server) admit(x *Exchange) int {
	for _, phase := range [...]phase{(*Server).checkAccess, (*Server).authenticate, (*Server).authorize} {
		if status := phase(s, x); status != 0 {
			return status
		}
	}
	return 0
}

// checkAccess asks whether the client may see the site, by the name of its address. A client whose address a believed proxy does
// not know is known by what the proxy says in its place.
func (s *Server) checkAccess(x *Exchange) int {
	if !s.access.Hosts {
		return 0
	}
	host := x.Client()
	if addr := x.ClientAddr(); addr.IsValid() {
		host = s.names.Of(x.Request.Context(), addr)
	}
	return x.obey(s.access.Authority.AllowAccess(x, host))
}

// authorize asks whether the user is in the group that may see the site. A user who is not may be somebody else as well: the answer
// is a challenge again, as Apache's (S1).
func (s *Server) authorize(x *Exchange) int {
	if s.access.Group == "" {
		return 0
	}
	return x.challenge(s.access.Authority.CheckGroup(x, x.User, s.access.Group), false)
}

// obey logs a ruling against the request and returns its status.
func (x *Exchange) obey(r Ruling) int {
	if r.Reason != "" {
		x.log(logs.Error, r.Reason)
	}
	return r.Status
}

// challenge is obey for who may have better luck with other credentials. stale says that the same are good enough.
func (x *Exchange) challenge(r Ruling, stale bool) int {
	if r.Status == http.StatusUnauthorized {
		x.header["Www-Authenticate"] = x.server.access.challenges(stale)
	}
	return x.obey(r)
}

// challenges are the values of WWW-Authenticate, the best algorithm first.
func (a *Access) challenges(stale bool) []string {
	if a.Type == Basic {
		return []string{auth.BasicChallenge(a.Realm)}
	}
	var list []string
	for _, algorithm := range a.Algorithms {
		list = append(list, auth.DigestChallenge(a.Realm, a.Nonces.New(now()), algorithm, stale))
	}
	return list
}

// check panics if something is missing, which is a mistake of whoever made the options: a site must not be open by accident.
func (a *Access) check() {
	digest := a.Type == Digest && (a.Nonces == nil || len(a.Algorithms) == 0)
	switch asks := a.Hosts || a.Type != "" || a.Group != ""; {
	case asks && a.Authority == nil, digest, a.Group != "" && a.Type == "", a.Type != "" && a.Type != Basic && a.Type != Digest:
		panic(fmt.Sprintf("server: Options.Access cannot be enforced: %+v", *a))
	}
}
