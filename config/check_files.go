package config

import (
	"errors"
	"path/filepath"
)

// fileDirectories checks the files of the site that were asked for. Those of aliases may come later.
func (c *Config) fileDirectories() error {
	var errs []error
	if c.Files.DocumentRoot != c.defaultDocumentRoot() {
		errs = append(errs, directory("--document-root", c.Files.DocumentRoot))
	}
	if c.Files.MimeTypes != "" {
		if _, err := readRegular(c.Files.MimeTypes); err != nil {
			errs = append(errs, complain("--mime-types", "the file cannot be used: %s", err))
		}
	}
	return errors.Join(errs...)
}

// defaultDocumentRoot is the document root if none is given. Nobody makes it: a user may.
func (c *Config) defaultDocumentRoot() string { return filepath.Join(c.ServerRoot, "htdocs") }
