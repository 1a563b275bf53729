package scripts

import (
	"gild/config"
	"gild/cpython"
)

// The permission script is a file of Python code that defines allow_certificate(name) and so says for which host names,
// beyond those of the command line, certificates may be obtained. It runs in a process group of its own; in embedded mode,
// where there is one process, in an interpreter of its own. What it breaks is not the application's.

const (
	permissionCallable    = "allow_certificate"
	permissionInterpreter = "certificates"
	permissionKind        = "permission" // for load() of the prelude
)

// permissionPath is the path of the permission script; "": there is none.
func permissionPath(c *config.Config) string {
	if c.HTTPS == nil || c.HTTPS.Automatic == nil {
		return ""
	}
	return c.HTTPS.Automatic.PermissionScript
}

// permissionScript is the script as something to call.
func permissionScript(c *config.Config) cpython.Application {
	path := permissionPath(c)
	return cpython.Application{Spec: spec(permissionKind, path, permissionCallable), Name: path}
}

// permission is where the permission script runs, as the front sees it.
type permission struct {
	*group
	application int // its number in the processes of the group
	path        string
}

// permissionOf finds it; nil if there is no permission script.
func permissionOf(c *config.Config, groups []*group) *permission {
	for _, g := range groups {
		if number := contentsOf(c, g.ProcessGroup).permission; number >= 0 {
			return &permission{g, number, permissionPath(c)}
		}
	}
	return nil
}
