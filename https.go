package main

import (
	"fmt"
	"strconv"

	"gild/config"
	"gild/scripts"
	"gild/server"
	"gild/tls"
)

// What a process that speaks HTTP needs for HTTPS: the vault with the supervisor's secrets and the certificates from files, the
// manager of certificates, and the UDP socket of HTTP/3.

// takeCertificates takes over what is needed for certificates, in the order of planner.secrets: the vault, and the directory of
// those that are obtained, where it is reached by a descriptor. Without HTTPS there is nothing.
func (c *child) takeCertificates() (o tls.Options, err error) {
	o = tls.Options{Config: c.config, Log: c.log}
	if c.config.HTTPS == nil {
		return o, nil
	}
	n := 1
	if c.config.HTTPS.Automatic != nil && c.config.Separated() {
		n = 2
	}
	files, err := c.take(n)
	if err != nil {
		return o, err
	}
	o.Vault = files[0]
	if n > 1 {
		o.Storage = files[1]
	}
	return o, nil
}

// takePackets takes the UDP socket of a listener over, and its part in sharing it.
func (c *child) takePackets(l config.Listener) (*server.QUIC, error) {
	files, err := c.take(1 + server.PacketShareFiles)
	if err != nil {
		return nil, err
	}
	share, err := server.OpenPacketShare(files[0], files[1:])
	if err != nil {
		return nil, fmt.Errorf("the UDP socket of HTTP/3 cannot be used: %w", err)
	}
	return &server.QUIC{Share: share, Info: c.infoOf(l, share.Addr())}, nil
}

// openCertificates opens the manager of certificates; nil without HTTPS.
func (c *child) openCertificates(options tls.Options, engine *scripts.Engine) (*tls.Manager, error) {
	if c.config.HTTPS == nil {
		return nil, nil
	}
	if a := c.config.HTTPS.Automatic; a != nil && a.PermissionScript != "" {
		options.Permit = engine.Permit
	}
	m, err := tls.Open(options)
	if err != nil {
		return nil, err
	}
	engine.SetVariables(m.Variables)
	return m, nil
}

// secure puts HTTPS into the options of a server.
func (c *child) secure(o *server.Options, s sockets, m *tls.Manager) {
	o.H2C = c.config.HTTP2
	o.Site = siteOf(c.config)
	if m == nil {
		return
	}
	o.TLS, o.Challenge, o.Variables = m.TCP(), m.Challenge, m.Variables
	if a := c.config.HTTPS.Automatic; a != nil && a.PermissionScript != "" {
		o.Site.Permitted = m.Permitted
	}
	if s.quic != nil {
		s.quic.TLS = m.QUIC()
		s.quic.ResetKey, s.quic.TokenKey = m.Secrets()
		o.QUIC = s.quic
	}
}

// siteOf is what the server has to know about hosts and about the policy of HTTPS.
func siteOf(c *config.Config) server.Site {
	site := server.Site{Name: c.ServerName, Aliases: c.ServerAliases, AllowLocalhost: c.AllowLocalhost, Encrypted: c.ClaimsHTTPS()}
	if h := c.HTTPS; h != nil {
		site.HTTPSOnly, site.HTTPSPort, site.HSTS = h.Only, strconv.Itoa(h.Port), h.HSTS
		site.ClientCA, site.VerifyClient = h.ClientCA != "", h.VerifyClient
		if h.HTTP3 {
			site.HTTP3Port = site.HTTPSPort
		}
	}
	return site
}
