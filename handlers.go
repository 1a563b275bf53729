package main

import (
	"net/http"

	"gild/config"
	"gild/scripts"
	"gild/server"
	"gild/server/cgi"
)

// handlers says what answers for files with an extension: scripts of Python, programs, php-cgi.
func (c *child) handlers(o *server.Options, engine *scripts.Engine) error {
	o.Handlers = map[string]http.Handler{}
	for _, h := range c.config.Files.Handlers {
		o.Handlers[h.Extension] = engine
	}
	if c.config.Files.CGI {
		o.Handlers[".cgi"] = runCGI(c.config)
	}
	if c.config.Files.PHP == "" {
		return nil
	}
	php, err := startPHP(c)
	o.Handlers[".php"] = php
	return err
}

// runCGI makes what starts a program for each request.
func runCGI(c *config.Config) http.Handler {
	return &server.Programs{
		Gateway:     cgi.NewRunner(c.Files.CGIProcesses, c.Timeouts.Socket),
		Name:        "cgi-script",
		Module:      "cgi",
		Environ:     settings(c),
		Certificate: c.HTTPS != nil && c.HTTPS.Environment,
	}
}

// startPHP starts php-cgi. It ends when the site has finished its requests, or with the process.
func startPHP(c *child) (http.Handler, error) {
	php, err := cgi.StartPHP(cgi.PHPOptions{Program: c.config.Files.PHP, Processes: c.config.Files.PHPProcesses,
		Timeout: c.config.Timeouts.Socket, Log: c.log})
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, php.Close)
	return &server.Programs{
		Gateway:     php,
		Name:        "fastcgi",
		Module:      "php",
		Environ:     settings(c.config),
		Certificate: c.config.HTTPS != nil && c.config.HTTPS.Environment,
		Spool:       true, // PHP reads all of a body before it runs a script
	}, nil
}

// settings are the variables of --setenv and --passenv.
func settings(c *config.Config) []string {
	environ := make([]string, len(c.SetEnv))
	for i, pair := range c.SetEnv {
		environ[i] = pair.Key + "=" + pair.Value
	}
	return environ
}
