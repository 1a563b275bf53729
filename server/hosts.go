package server

import (
	"context"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A standing is what the host of a request is to the site.
type standing uint8

const (
	foreign   standing = iota // nothing: the request is refused
	ours                      // the name of the site or an alias; any host if the site has no name
	parent                    // the name without its "www.", which is redirected to the name
	permitted                 // a name that Site.Permitted lets in
	local                     // a name of this machine, asked for on this machine
	proxied                   // a virtual host of Options.Proxies
)

// hosts are the names of a Site. They do not change.
type hosts struct {
	name      string
	parent    string // the name without "www."; "": it has none
	aliases   []string
	localhost bool
	proxied   []string                           // virtual hosts that are passed on
	permitted func(context.Context, string) bool // nil: nobody is
}

func newHosts(site *Site) hosts {
	h := hosts{name: site.Name, aliases: site.Aliases, localhost: site.AllowLocalhost, permitted: site.Permitted}
	if rest, ok := strings.CutPrefix(site.Name, "www."); ok {
		h.parent = rest
	}
	return h
}

// standing says what name is, which comes from parseHost; "" is a request that names no host. An alias is never
// redirected, not even one that is the parent domain.
func (h *hosts) standing(name string, x *Exchange) standing {
	switch {
	case h.localhost && isNearName(name) && x.near():
		return local
	case slices.Contains(h.proxied, name) && name != "":
		return proxied
	case h.name == "" || name == h.name || h.isAlias(name):
		return ours
	case h.parent != "" && name == h.parent:
		return parent
	case h.permitted != nil && name != "" && h.permitted(x.Request.Context(), name):
		return permitted
	}
	return foreign
}

// isAlias matches as Apache's ServerAlias does: * is any number of characters, dots too, and ? is one.
func (h *hosts) isAlias(name string) bool {
	for _, alias := range h.aliases {
		if matched, err := path.Match(alias, name); matched && err == nil && name != "" {
			return true
		}
	}
	return false
}

// isNearName reports whether a client of this machine may mean it by name: localhost and what is below it (RFC 6761 section
// 6.3), a loopback address, or no host at all.
func isNearName(name string) bool {
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// parseHost splits a Host field or :authority into the name of the host and a port, "" if there is none. The name is in
// lower case, without the dot at its end, or an address without brackets. It fails for what is no DNS name or address:
// RFC 3986 section 3.2.2 permits more, but nobody is reached by it and applications build links of it. An empty field is
// no host, and no failure: RFC 9110 section 7.2.
func parseHost(field string) (name, port string, ok bool) {
	if field == "" {
		return "", "", true
	}
	if field[0] == '[' {
		return parseLiteral(field)
	}
	name, port, _ = strings.Cut(field, ":")
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, port, isHostName(name) && isPort(port)
}

// parseLiteral is parseHost for "[IPv6]:port".
func parseLiteral(field string) (name, port string, ok bool) {
	name, rest, closed := strings.Cut(field[1:], "]")
	addr, err := netip.ParseAddr(name)
	port, given := strings.CutPrefix(rest, ":")
	if !closed || err != nil || !addr.Is6() || addr.Zone() != "" || rest != "" && !given || !isPort(port) {
		return "", "", false
	}
	return addr.String(), port, true
}

// Limits of RFC 1035 section 2.3.4, as text and without the dot at the end.
const (
	maxName  = 253
	maxLabel = 63
)

// isHostName reports whether name, in lower case, can be in the DNS. An underscore is in no host name of the internet, but in
// many of local networks.
func isHostName(name string) bool {
	label := 0 // length of the current one
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.' && label > 0:
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			label++
		default:
			return false
		}
		if label > maxLabel {
			return false
		}
	}
	return label > 0 && len(name) <= maxName
}

// isPort accepts the port of a URI, which may be empty.
func isPort(port string) bool {
	if port == "" {
		return true
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}
