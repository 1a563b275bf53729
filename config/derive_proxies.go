package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// proxies finds out how long other servers may take, and which certificates their names need.
func (r *request) proxies() {
	if r.Timeouts.Proxy == 0 {
		r.Timeouts.Proxy = r.Timeouts.Socket
	}
	if len(r.Proxies) == 0 && r.given["--proxy-timeout"] {
		r.warn("--proxy-timeout", "without effect, because neither --proxy-mount-point nor --proxy-virtual-host is given")
	}
	for _, p := range r.Proxies {
		r.warnOfProxy(&p)
		switch {
		case p.Host == "":
		case p.Host == r.ServerName:
			r.warn("--proxy-virtual-host", "'%s' is the --server-name as well, so the application is not reached by that name", p.Host)
		case r.HTTPS != nil && r.HTTPS.Automatic != nil:
			r.certify("--proxy-virtual-host", p.Host)
		}
	}
}

// warnOfProxy says what is probably not meant.
func (r *request) warnOfProxy(p *Proxy) {
	if r.isSelf(p) {
		r.warn(p.option(), "'%s' is where this gild listens, so it would pass requests on to itself; give the address of the other server", p.URL)
	}
	for _, alias := range r.Files.Aliases {
		if p.Host == "" && strings.HasPrefix(alias.URLPath+"/", strings.TrimSuffix(p.MountPoint, "/")+"/") {
			r.warn("--url-alias", "without effect for '%s', because --proxy-mount-point %s comes first", alias.URLPath, p.MountPoint)
		}
	}
	if p.MountPoint == "/" && r.Application.Type != Static {
		r.warn("--proxy-mount-point", "with / the application gets no requests at all; --application-type static says that there is none")
	}
}

// isSelf reports whether a target is a port of this server, on this machine.
func (r *request) isSelf(p *Proxy) bool {
	u, err := url.Parse(p.URL)
	if err != nil || p.Socket != "" || u.Scheme != "http" || u.Port() != strconv.Itoa(r.Port) {
		return false
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || host == r.Host || err == nil && r.Host == "" && addr.IsLoopback()
}
