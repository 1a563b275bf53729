package config

import (
	"errors"
	"path/filepath"
)

// accessFiles checks that the scripts are there: without them nobody would get in, for a reason that only the log has.
func (c *Config) accessFiles() error {
	var errs []error
	for _, s := range []struct{ option, path string }{
		{"--host-access-script", c.Access.HostScript},
		{"--auth-user-script", c.Access.UserScript},
		{"--auth-group-script", c.Access.GroupScript},
	} {
		if s.path != "" {
			errs = append(errs, script(s.option, filepath.Join(c.chroot(), s.path)))
		}
	}
	return errors.Join(errs...)
}
