package config

import (
	"errors"
	"net"
	"slices"
	"strconv"
)

// access fills in what the scripts of access and authentication need beside their paths. What was to keep somebody out and
// cannot is an error; mod_wsgi-express ignores an --auth-group-script without an --auth-user-script.
func (r *request) access() {
	a := &r.Access
	if a.GroupScript != "" && a.UserScript == "" {
		r.complain("--auth-group-script", errors.New("groups are those of users, and nobody is asked who they are; add --auth-user-script"))
	}
	if r.given["--auth-group"] && a.GroupScript == "" {
		r.complain("--auth-group", errors.New("no script tells who is in the group; add --auth-group-script"))
	}
	r.accessOptionsWithoutEffect()
	r.accessScriptsExposed()
	if a.UserScript != "" {
		a.Realm = net.JoinHostPort(r.hostname(), strconv.Itoa(r.Port))
	}
	switch {
	case !a.Digested():
		a.Algorithms = nil
	case len(a.Algorithms) == 0:
		a.Algorithms = []string{MD5}
	}
	slices.SortFunc(a.Algorithms, func(x, y string) int { return len(y) - len(x) }) // SHA-256 is the longer word
}

func (r *request) accessOptionsWithoutEffect() {
	for _, option := range []string{"--auth-type", "--auth-cache"} {
		r.pointless(option, "--auth-user-script")
	}
	if r.given["--auth-digest-algorithm"] && !r.Access.Digested() {
		r.warn("--auth-digest-algorithm", "without effect, because it is not --auth-type Digest that users are known by")
	}
	if r.given["--auth-timeout"] && !r.Access.Scripted() {
		r.warn("--auth-timeout", "without effect, because there is no script to wait for")
	}
}

// accessScriptsExposed warns of scripts that can be downloaded: they may have passwords in them.
func (r *request) accessScriptsExposed() {
	a := &r.Access
	scripts := []string{a.HostScript, a.UserScript, a.GroupScript}
	slices.Sort(scripts)
	for _, path := range slices.Compact(scripts) {
		if r.group().Chroot == "" {
			r.exposes("the source of the script", path)
		}
	}
}
