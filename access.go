package main

import (
	"os"

	"gild/config"
	"gild/scripts"
	"gild/server"
)

// Who may see the site: scripts are asked, and the nonces of Digest are in a memory that all who speak HTTP share.

// addNonces adds that memory to the files of those who need it. It is made once, so that what was used in one generation is used
// up in the next.
func (p *planner) addNonces(files []*os.File, c *config.Config) ([]*os.File, error) {
	if !c.Access.Digested() {
		return files, nil
	}
	if p.nonces == nil {
		f, err := server.NewNonceFile()
		if err != nil {
			return nil, err
		}
		p.nonces = f
	}
	return append(files, p.nonces), nil
}

// takeNonces takes the memory over, after the files of takeCertificates.
func (c *child) takeNonces() error {
	if !c.config.Access.Digested() {
		return nil
	}
	files, err := c.take(1)
	if err != nil {
		return err
	}
	defer files[0].Close()
	c.nonces, err = server.OpenNonces(files[0])
	return err
}

// access puts the scripts of access and authentication into the options of a server.
func (c *child) access(o *server.Options, engine *scripts.Engine) error {
	a := &c.config.Access
	if !a.Scripted() {
		return nil
	}
	o.Access = server.Access{Authority: engine.Authority(), Hosts: a.HostScript != ""}
	if a.UserScript != "" {
		o.Access.Type, o.Access.Realm, o.Access.Algorithms, o.Access.Nonces = a.Type, a.Realm, a.Algorithms, c.nonces
	}
	if a.GroupScript != "" {
		o.Access.Group = a.Group
	}
	return nil
}
