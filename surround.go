package main

import (
	"errors"

	"gild/config"
	"gild/scripts"
	"gild/server"
)

// surroundings are what is around the application: each puts its part of the configuration into the options of a server.
var surroundings = [...]func(c *child, o *server.Options, engine *scripts.Engine) error{
	(*child).files,
	(*child).handlers,
	(*child).trust,
	(*child).responses,
	(*child).access,
	(*child).accessLog,
	(*child).rewriting,
	(*child).passOn,
}

// inspections look, before anything is started, into what the configuration names and a part of the surroundings reads when a front
// or a worker starts. The supervisor calls them, who says what is wrong to the one who starts it.
var inspections = [...]func(*config.Config) error{
	inspectFiles,
	inspectRules,
}

// inspect makes all of them.
func inspect(c *config.Config) error {
	var errs []error
	for _, part := range inspections {
		errs = append(errs, part(c))
	}
	return errors.Join(errs...)
}

// surround puts all of them in.
func (c *child) surround(o *server.Options, engine *scripts.Engine) error {
	for _, part := range surroundings {
		if err := part(c, o, engine); err != nil {
			return err
		}
	}
	return nil
}
