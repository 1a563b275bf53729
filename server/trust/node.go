package trust

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseNode takes apart who a proxy says has come to it: an address, with brackets or without, perhaps with a port. ok is false for
// anything else, such as the "unknown" and "_hidden" of RFC 7239 section 6.
func parseNode(text string) (addr netip.Addr, port string, ok bool) {
	if i := strings.LastIndex(text, ":_"); i > 0 { // an obfuscated port, RFC 7239 section 6.3
		text = text[:i]
	}
	if both, err := netip.ParseAddrPort(text); err == nil && both.Addr().Zone() == "" {
		return both.Addr().Unmap(), strconv.Itoa(int(both.Port())), true
	}
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed && strings.HasSuffix(inner, "]") {
		text = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), "", err == nil && addr.Zone() == ""
}

// addrOf is the address of a node, or the zero Addr, which is nobody's.
func addrOf(node string) netip.Addr {
	if addr, _, ok := parseNode(node); ok {
		return addr
	}
	return netip.Addr{}
}

// setClient tells the client. What is no address is told as it stands if it is of the form that RFC 7239 section 6 has for such
// names: it is nobody's, whereas saying nothing would make the proxy the client. Anything else is "unknown": blanks in it would be
// columns of the access log.
func (a *Account) setClient(node string) {
	addr, port, ok := parseNode(node)
	switch {
	case ok:
		a.Client, a.ClientPort = addr.String(), port
	case isIdentifier(node):
		a.Client, a.ClientPort = node, ""
	default:
		a.Client, a.ClientPort = "unknown", ""
	}
}

// isIdentifier reports whether text can stand in the place of an address. A colon may divide it from a port.
func isIdentifier(text string) bool {
	return len(text) <= maxIdentifier && !strings.ContainsFunc(text, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("._-:", c)
	})
}

// maxIdentifier is as long as the name of a host can be.
const maxIdentifier = 253
