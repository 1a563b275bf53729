package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// Proxy is a part of the site that another server answers for: what is below MountPoint, or a whole virtual host.
type Proxy struct {
	MountPoint string // decoded URL path, "/" or as it was given, with or without a slash at its end; "" together with Host
	Host       string // host name in the form of Config.ServerName; "" together with MountPoint
	URL        string // http:// or https://, a host, perhaps a port and a path, which has no slash at its end
	Socket     string // absolute path of the Unix socket to connect to; "": the host of URL
}

// Target is where requests go, as it can be written on the command line.
func (p *Proxy) Target() string {
	if p.Socket != "" {
		return "unix:" + p.Socket + "|" + p.URL
	}
	return p.URL
}

// option is what asks for it.
func (p *Proxy) option() string {
	if p.Host != "" {
		return "--proxy-virtual-host"
	}
	return "--proxy-mount-point"
}

// addProxyMountPoint adds a part of the site (S57). A path that is given twice goes where it was said last, as elsewhere.
func addProxyMountPoint(r *request, v []string) error {
	mount, err := parseMountPoint(v[0])
	if err != nil {
		return err
	}
	return r.addProxy(Proxy{MountPoint: mount}, v[1])
}

// addProxyVirtualHost adds a host.
func addProxyVirtualHost(r *request, v []string) error {
	host, err := parseHostname(v[0], false)
	if err != nil {
		return err
	}
	return r.addProxy(Proxy{Host: host}, v[1])
}

// addProxy completes a proxy with its target.
func (r *request) addProxy(p Proxy, target string) (err error) {
	if p.URL, p.Socket, err = parseTarget(target); err != nil {
		return err
	}
	for i, other := range r.Proxies {
		if other.MountPoint == p.MountPoint && other.Host == p.Host {
			r.warn(p.option(), "'%s' for '%s' is ignored, because another follows", other.Target(), p.MountPoint+p.Host)
			r.Proxies[i] = p
			return nil
		}
	}
	r.Proxies = append(r.Proxies, p)
	return nil
}

// parseMountPoint reads a path in the form of --mount-point, but keeps the slash at its end, which means something (S58).
func parseMountPoint(word string) (string, error) {
	switch {
	case strings.ContainsAny(word, "?#%"):
		return "", fmt.Errorf("'%s' has one of ?, # and %%; it is the decoded path of a URL without a query", word)
	case !strings.HasPrefix(word, "/"):
		return "", fmt.Errorf("'%s' is no URL path, which begins with a slash; give the path first and the URL after it: /path http://host:port/", word)
	}
	mount := path.Clean(word)
	if strings.HasSuffix(word, "/") && mount != "/" {
		mount += "/"
	}
	return mount, nil
}

// parseTarget reads where requests go: a URL, after the path of a Unix socket perhaps. The URL comes back without a slash
// at its end, since what follows it begins with one.
func parseTarget(word string) (target, socket string, err error) {
	target = word
	if rest, ok := strings.CutPrefix(word, "unix:"); ok {
		socket, target, ok = strings.Cut(rest, "|")
		if !ok || !strings.HasPrefix(socket, "/") {
			return "", "", fmt.Errorf("'%s' is not an absolute path of a socket and a URL; it should be like unix:/path/of/socket|http://localhost/", word)
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", "", fmt.Errorf("'%s' is no URL to pass requests on to; it should be like http://host:port/path, https://host/ or unix:/path/of/socket|http://localhost/", word)
	}
	if err := checkTarget(u); err != nil {
		return "", "", fmt.Errorf("'%s' cannot be used: %w", word, err)
	}
	if len(socket) >= socketPath {
		return "", "", fmt.Errorf("the path '%s' is too long for a Unix socket, which has room for %d letters", socket, socketPath-1)
	}
	return strings.TrimRight(u.String(), "/"), socket, nil
}

// checkTarget refuses the parts of a URL that nothing would become of.
func checkTarget(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("user and password in a URL are not sent; leave them out")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it has a query or a fragment, and those come from the requests; leave them out")
	case strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		return errors.New("its path has empty segments or dots")
	}
	if port := u.Port(); port != "" {
		if _, err := integer(strings.TrimLeft(port, "0"), 1, 65535); err != nil {
			return fmt.Errorf("'%s' is no port, which is from 1 to 65535", port)
		}
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil
	}
	_, err := parseHostname(u.Hostname(), false)
	return err
}
