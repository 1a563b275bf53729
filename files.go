package main

import (
	"fmt"
	"os"

	"gild/config"
	"gild/scripts"
	"gild/server"
	"gild/server/files"
)

// files puts the files of the site into the options of a server.
func (c *child) files(o *server.Options, _ *scripts.Engine) error {
	f := &c.config.Files
	types, err := mediaTypes(f.MimeTypes)
	if err != nil {
		return err
	}
	o.Files = files.Options{Root: f.DocumentRoot, Index: f.Index, Listing: f.Listing, Types: types}
	for _, alias := range f.Aliases {
		o.Files.Aliases = append(o.Files.Aliases, files.Alias(alias))
	}
	return nil
}

// inspectFiles reads the file of --mime-types as the front will.
func inspectFiles(c *config.Config) error {
	_, err := mediaTypes(c.Files.MimeTypes)
	return err
}

// mediaTypes reads a table of media types; nil is the one that is built in.
func mediaTypes(path string) (*files.Types, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--mime-types: %w", err)
	}
	types, err := files.ParseTypes(path, string(text))
	if err != nil {
		return nil, fmt.Errorf("--mime-types: %w", err)
	}
	return types, nil
}
