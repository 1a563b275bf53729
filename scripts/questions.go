package scripts

import (
	"slices"
	"strings"

	"gild/config"
	"gild/cpython"
)

// Some scripts are no applications: gild asks them. Each defines a function for a question; questions.py says how arguments and
// answers travel. They run in process groups of their own; in embedded mode, where there is one process, in interpreters of
// their own. What they break is not the application's.

// The questions, by the names that questions.py has for them.
const (
	askPermission = "permission" // may there be a certificate for a name?
	askHost       = "host"       // may a client see the site?
	askPassword   = "password"   // is this the password of a user?
	askDigest     = "digest"     // what is the hash of a user's password?
	askGroup      = "group"      // is a user in a group?
)

// Interpreters of embedded mode.
const (
	permissionInterpreter = "certificates"
	accessInterpreter     = "access"
)

// A script is a file of Python code with the function for a question.
type script struct {
	question string
	path     string
	function string
	name     string // what the log calls it in the middle of a sentence
	without  string // what becomes of requests when it cannot be loaded
	handles  string // the extension of the files that it answers for; "": none
}

// permissionScripts are those about certificates: the one that permits further names, if there is one.
func permissionScripts(c *config.Config) []script {
	if c.HTTPS == nil || c.HTTPS.Automatic == nil {
		return nil
	}
	return given(script{askPermission, c.HTTPS.Automatic.PermissionScript, "allow_certificate", "permission script", "no name is permitted", ""})
}

// accessScripts are those about who may see the site.
func accessScripts(c *config.Config) []script {
	a := &c.Access
	user := script{askPassword, a.UserScript, "check_password", "authentication script", "requests are answered 500", ""}
	if a.Type == config.Digest {
		user.question, user.function = askDigest, "get_realm_hash"
	}
	return given(
		script{askHost, a.HostScript, "allow_access", "host access script", "requests are answered 403", ""},
		user,
		script{askGroup, a.GroupScript, "groups_for_user", "group script", "requests are answered 401", ""},
	)
}

// given are those that the configuration names.
func given(all ...script) []script {
	return slices.DeleteFunc(all, func(s script) bool { return s.path == "" })
}

// application is the script as something to call.
func (s script) application() cpython.Application {
	kind := s.question
	if s.handles != "" {
		kind = handlerKind
	}
	return cpython.Application{Spec: spec(kind, s.path, s.function), Name: s.path}
}

// title is the name at the beginning of a sentence.
func (s script) title() string { return strings.ToUpper(s.name[:1]) + s.name[1:] }

// A question is where a script runs, as the front sees it.
type question struct {
	*group
	script
	application int // its number in the processes of the group
}

// questionsOf finds all of them, by their names.
func questionsOf(c *config.Config, groups []*group) map[string]*question {
	found := map[string]*question{}
	for _, g := range groups {
		for number, s := range contentsOf(c, g.ProcessGroup).scripts {
			if s.question != "" {
				found[s.question] = &question{g, s, number}
			}
		}
	}
	return found
}
