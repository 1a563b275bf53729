package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
)

// trustedHeaders are the fields of proxies that can be believed, in canonical form, and whether they tell the scheme. Package
// server/trust knows what they mean.
var trustedHeaders = map[string]bool{
	"X-Forwarded-For": false, "X-Client-Ip": false, "X-Real-Ip": false,
	"X-Forwarded-Proto": true, "X-Forwarded-Scheme": true, "X-Scheme": true,
	"X-Forwarded-Https": true, "X-Forwarded-Ssl": true, "X-Https": true,
	"X-Forwarded-Host": false, "X-Host": false, "X-Forwarded-Server": false, "X-Forwarded-Port": false,
	"X-Script-Name": false, "X-Forwarded-Script-Name": false,
	"Forwarded": true,
}

// addTrustedHeader takes the name of a header field, each once; where it is named last counts. mod_wsgi accepts every name (S63),
// so one that means nothing is no error; derive warns of it.
func addTrustedHeader(r *request, v []string) error {
	name := textproto.CanonicalMIMEHeaderKey(v[0])
	if v[0] == "" || strings.ContainsAny(v[0], " \t:,;_") {
		return fmt.Errorf("'%s' is not the name of a header field, such as X-Forwarded-For", v[0])
	}
	list := slices.DeleteFunc(r.Trust.Headers, func(old string) bool { return old == name })
	r.Trust.Headers = append(list, name)
	return nil
}

// addTrustedProxy takes an address or a network, each once.
func addTrustedProxy(r *request, v []string) error {
	network, err := parseNetwork(v[0])
	if err == nil && !slices.Contains(r.Trust.Proxies, network) {
		r.Trust.Proxies = append(r.Trust.Proxies, network)
	}
	return err
}

// parseNetwork reads an address, or one with a length or an IPv4 mask behind a slash, into CIDR notation.
func parseNetwork(word string) (string, error) {
	host, bits, isNetwork := strings.Cut(word, "/")
	addr, err := netip.ParseAddr(unbracketed(host))
	if err != nil || addr.Zone() != "" {
		return "", fmt.Errorf("'%s' is not an address or a network, such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32", word)
	}
	if mask := net.ParseIP(bits).To4(); addr.Is4() && mask != nil {
		if ones, size := net.IPMask(mask).Size(); size != 0 {
			bits = fmt.Sprint(ones)
		}
	}
	if !isNetwork {
		bits = fmt.Sprint(addr.BitLen())
	}
	prefix, err := netip.ParsePrefix(addr.String() + "/" + bits)
	if err != nil {
		return "", fmt.Errorf("'%s' is not a network: behind the slash there is a number up to %d, or a mask of IPv4", word, addr.BitLen())
	}
	return prefix.Masked().String(), nil
}
