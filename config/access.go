package config

import "time"

// Access says who may see the site. Its scripts are Python (section 7.8 of mod_wsgi's contract).
type Access struct {
	HostScript  string // absolute path; defines allow_access(environ, host). "": all hosts may
	UserScript  string // absolute path; defines check_password or get_realm_hash, by Type. "": nobody is asked who they are
	GroupScript string // absolute path; defines groups_for_user. "": every user may. Only with UserScript
	Group       string // a user has to be in this group, if there is a GroupScript

	Type       string   // Basic or Digest
	Realm      string   // what the site is called when a browser asks for the password; "" without UserScript
	Algorithms []string // of Digest: SHA256, MD5 or both, the one that clients should prefer first; none without Digest

	Cache   time.Duration // how long what a script has allowed is remembered; 0: it is asked for each request
	Timeout time.Duration // how long a script may take for one answer
}

// What Access.Type may be.
const (
	Basic  = "Basic"  // RFC 7617
	Digest = "Digest" // RFC 7616
)

// What Access.Algorithms may have, in the words of RFC 7616.
const (
	SHA256 = "SHA-256"
	MD5    = "MD5"
)

// Scripted reports whether there is a script to ask about requests.
func (a *Access) Scripted() bool { return a.HostScript != "" || a.UserScript != "" }

// Digested reports whether users are known by Digest.
func (a *Access) Digested() bool { return a.UserScript != "" && a.Type == Digest }
