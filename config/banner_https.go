package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// url is where the site is, over HTTP.
func (c *Config) url() string { return c.urlOf("http", c.Port, 80) }

// httpsURL is where the site is, over HTTPS.
func (c *Config) httpsURL() string { return c.urlOf("https", c.HTTPS.Port, 443) }

// urlOf is a URL of the site, with the port unless it is the usual one.
func (c *Config) urlOf(scheme string, port, usual int) string {
	name := c.ServerName
	if name == "" {
		name = c.hostname()
	}
	host := net.JoinHostPort(name, strconv.Itoa(port))
	if port == usual {
		host = strings.TrimSuffix(net.JoinHostPort(name, ""), ":")
	}
	return scheme + "://" + host + "/"
}

// httpsLines are about certificates, and what is spoken with them.
func (c *Config) httpsLines(line func(label, value string)) {
	for _, certificate := range c.HTTPS.Certificates {
		line("Certificate", certificate.File)
	}
	if a := c.HTTPS.Automatic; a != nil {
		a.lines(line)
	}
	spoken := "HTTP/1.1, HTTP/2"
	if c.HTTPS.HTTP3 {
		spoken += ", HTTP/3"
	}
	line("HTTPS Protocols", spoken)
}

// lines are about certificates that are obtained.
func (a *Automatic) lines(line func(label, value string)) {
	if len(a.Names) > 0 {
		line("Certificate", fmt.Sprintf("from %s, for %s; kept in %s", a.authority(), few(a.Names), a.Storage))
	}
	if a.Parent != "" {
		line("Certificate", fmt.Sprintf("another, for %s, which is redirected", a.Parent))
	}
	if len(a.LocalNames) > 0 {
		line("Local Certificate", fmt.Sprintf("issued by gild, for %s; clients that are given %s trust it", few(a.LocalNames), a.LocalRoot()))
	}
	if a.PermissionScript != "" {
		line("Further Names", fmt.Sprintf("from %s, as far as %s permits them", a.authority(), a.PermissionScript))
	}
	if !a.Agreed && (len(a.Names) > 0 || a.PermissionScript != "") {
		line("Terms of Service", "by obtaining certificates you agree to those of "+a.authority()+" (not shown with --acme-agreed)")
	}
}

// authority is how the authority is called.
func (a *Automatic) authority() string {
	u, err := url.Parse(a.Directory)
	switch {
	case err != nil:
		return a.Directory
	case a.Directory == letsEncrypt:
		return "Let's Encrypt"
	}
	return u.Host
}

// few is names as far as they fit into a line.
func few(names []string) string {
	if len(names) < 3 {
		return strings.Join(names, " and ")
	}
	return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
}
