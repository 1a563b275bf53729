package config

import (
	"fmt"
	"strings"
)

// siteLines are about what is around the application: a line each for what answers in its place, and for who may enter.
func (c *Config) siteLines(line func(label, value string)) {
	if c.Files.DocumentRoot != c.defaultDocumentRoot() {
		line("Document Root", c.Files.DocumentRoot)
	}
	for _, a := range c.Files.Aliases {
		line("URL Alias", fmt.Sprintf("%s is %s", a.URLPath, a.Path))
	}
	for _, h := range c.Files.Handlers {
		line("Handler", fmt.Sprintf("%s answers for files that end in %s", h.Script, h.Extension))
	}
	if c.Files.PHP != "" {
		line("Handler", c.Files.PHP+" answers for files that end in .php")
	}
	if c.Files.CGI {
		line("Handler", "files that end in .cgi are run")
	}
	for _, p := range c.Proxies {
		line("Proxied", p.banner())
	}
	c.accessLines(line)
	c.trustLines(line)
}

// banner is what is passed on, and where.
func (p *Proxy) banner() string {
	if p.Host != "" {
		return fmt.Sprintf("the host %s, by %s", p.Host, p.Target())
	}
	return fmt.Sprintf("%s, by %s", p.MountPoint, p.Target())
}

// accessLines are about who may enter.
func (c *Config) accessLines(line func(label, value string)) {
	a := &c.Access
	if a.HostScript != "" {
		line("Hosts", "admitted by "+a.HostScript)
	}
	if a.UserScript != "" {
		line("Users", fmt.Sprintf("known to %s (%s)", a.UserScript, a.Type))
	}
	if a.GroupScript != "" {
		line("Groups", fmt.Sprintf("told by %s; '%s' may enter", a.GroupScript, a.Group))
	}
}

// trustLines are about proxies in front.
func (c *Config) trustLines(line func(label, value string)) {
	if len(c.Trust.Headers) > 0 {
		from := "everybody"
		if len(c.Trust.Proxies) > 0 {
			from = strings.Join(c.Trust.Proxies, ", ")
		}
		line("Trusted Proxies", fmt.Sprintf("%s from %s", strings.Join(c.Trust.Headers, ", "), from))
	}
	if c.Trust.ProxyProtocol {
		line("PROXY Protocol", "expected on every connection")
	}
}
