package main

import (
	"os"

	"gild/config"
	"gild/scripts"
	"gild/server"
	"gild/server/proxy"
)

// passOn tells the server which parts of the site other servers answer for.
func (c *child) passOn(o *server.Options, _ *scripts.Engine) error {
	for _, p := range c.config.Proxies {
		backend, err := proxy.New(proxy.Options{URL: p.URL, Socket: p.Socket, Mount: p.MountPoint, Timeout: c.config.Timeouts.Proxy})
		if err != nil {
			return err
		}
		o.Proxies = append(o.Proxies, server.Proxy{Mount: p.MountPoint, Host: p.Host, Backend: backend})
	}
	return nil
}

// frontEnvironment is that of a process that speaks HTTP. Where a WebSocket may be passed on, net/http is to offer extended
// CONNECT on HTTP/2 (RFC 8441), and looks into this variable for whether it should.
func frontEnvironment(c *config.Config) []string {
	env := childEnvironment(c)
	if len(c.Proxies) == 0 {
		return env
	}
	settings := "http2xconnect=1"
	if given := os.Getenv("GODEBUG"); given != "" {
		settings = given + "," + settings
	}
	return append(env, "GODEBUG="+settings)
}
