package main

import (
	"net/netip"

	"gild/scripts"
	"gild/server"
	"gild/server/trust"
)

// trust says what the server believes of proxies in front.
func (c *child) trust(o *server.Options, _ *scripts.Engine) error {
	t := &c.config.Trust
	var proxies []netip.Prefix
	for _, network := range t.Proxies {
		prefix, err := netip.ParsePrefix(network) // made by config
		if err != nil {
			return err
		}
		proxies = append(proxies, prefix)
	}
	if len(t.Headers) > 0 || t.ProxyProtocol {
		o.Trust = server.Trust{Policy: trust.NewPolicy(t.Headers, proxies), ProxyProtocol: t.ProxyProtocol}
	}
	if t.HTTPSOnly {
		o.Site.HTTPSOnly, o.Site.HSTS = true, t.HSTS
	}
	return nil
}
