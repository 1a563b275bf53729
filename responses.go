package main

import (
	"gild/scripts"
	"gild/server"
)

// responses says what becomes of responses. Replacing those of the application is a matter of its engine.
func (c *child) responses(o *server.Options, _ *scripts.Engine) error {
	r := &c.config.Responses
	o.Compress = r.Compress
	o.ErrorDocuments = make(map[int]string, len(r.ErrorDocuments))
	for _, d := range r.ErrorDocuments {
		o.ErrorDocuments[d.Status] = d.URLPath
	}
	return nil
}
