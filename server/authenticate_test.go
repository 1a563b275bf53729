package server

import (
	"net/http"
	"testing"

	"gild/server/auth"
)

// TestSameTarget has a uri of Digest credentials, the target of a request, and whether they are the same.
func TestSameTarget(t *testing.T) {
	for _, c := range []struct {
		uri, target string
		want        bool
	}{
		{"/", "/", true},
		{"/a?b=c", "/a?b=c", true},
		{"/a?b=c", "/a?b=d", false},
		{"/a", "/a?b=c", false},
		{"/a", "/b", false},
		{"/a%20b", "/a b", false},
		{"http://example.com/a?b", "/a?b", true},
		{"/a?b", "HTTPS://example.com/a?b", true},
		{"http://example.com", "/", true},
		{"http://example.com?q", "/?q", true},
		{"ftp://example.com/", "/", false},
		{"http", "/", false},
		{"*", "*", true},
	} {
		if got := sameTarget(c.uri, &http.Request{RequestURI: c.target}); got != c.want {
			t.Errorf("%s for %s: %v", c.uri, c.target, got)
		}
	}
}

// TestAccessIsEnforceable: options that say whom to let in, but not how to find out, are a mistake and not an open site.
func TestAccessIsEnforceable(t *testing.T) {
	var authority struct{ Authority }
	for what, c := range map[string]struct {
		access Access
		ok     bool
	}{
		"nothing":                {Access{}, true},
		"hosts":                  {Access{Authority: authority, Hosts: true}, true},
		"hosts, nobody to ask":   {Access{Hosts: true}, false},
		"Basic":                  {Access{Authority: authority, Type: Basic}, true},
		"Basic, nobody to ask":   {Access{Type: Basic}, false},
		"Digest":                 {Access{Authority: authority, Type: Digest, Algorithms: []string{auth.MD5}, Nonces: new(auth.Nonces)}, true},
		"Digest, no nonces":      {Access{Authority: authority, Type: Digest, Algorithms: []string{auth.MD5}}, false},
		"Digest, no algorithm":   {Access{Authority: authority, Type: Digest, Nonces: new(auth.Nonces)}, false},
		"another type":           {Access{Authority: authority, Type: "Bearer"}, false},
		"a group without a type": {Access{Authority: authority, Group: "wsgi"}, false},
		"a group":                {Access{Authority: authority, Type: Basic, Group: "wsgi"}, true},
	} {
		func() {
			defer func() {
				if ok := recover() == nil; ok != c.ok {
					t.Errorf("%s: accepted is %v", what, ok)
				}
			}()
			c.access.check()
		}()
	}
}
