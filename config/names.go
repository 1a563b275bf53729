package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// parseHostname reads a host name into the one form of a host name that is used everywhere: lower case, A-labels instead of other scripts
// (RFC 5891), no final dot; an address as RFC 5952 writes it, without brackets. Underscores pass, because names of
// containers have them. With wildcards, * and ? may stand in for letters, as in Apache's ServerAlias.
func parseHostname(word string, wildcards bool) (string, error) {
	if err := mistaken(word); err != nil {
		return "", err
	}
	if address, err := netip.ParseAddr(unbracketed(word)); err == nil && address.Zone() == "" {
		return address.String(), nil
	}
	if hasWildcard(word) && !wildcards {
		return "", fmt.Errorf("'%s' has a wildcard; only --server-alias can have one", word)
	}
	labels := strings.Split(strings.TrimSuffix(word, "."), ".")
	for i, label := range labels {
		ascii, err := toASCII(label)
		if err != nil {
			return "", fmt.Errorf("'%s' is not a host name: %w", word, err)
		}
		labels[i] = ascii
	}
	name := strings.Join(labels, ".")
	if err := wellFormed(name); err != nil {
		return "", fmt.Errorf("'%s' is not a host name: %w", word, err)
	}
	return name, nil
}

// mistaken recognises what is often given instead of a host name, and says what to give.
func mistaken(word string) error {
	host, port, err := net.SplitHostPort(word)
	u, notURL := url.Parse(word)
	switch {
	case word == "":
		return errors.New("the name is empty")
	case notURL == nil && u.Host != "" && u.Scheme != "":
		return fmt.Errorf("'%s' is a URL; give the name alone: %s", word, u.Hostname())
	case err == nil && host != "" && unbracketed(word) == word && strings.Trim(port, "0123456789") == "":
		return fmt.Errorf("'%s' has a port in it; give the name alone, %s, and the port with --port or --https-port", word, host)
	}
	return nil
}

// unbracketed is an IPv6 address without the brackets that URLs have around it; any other word as it is.
func unbracketed(word string) string {
	if inner, ok := strings.CutPrefix(word, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]")
	}
	return word
}

// toASCII is a label in lower case. Those of plain ASCII are not given to package idna, which refuses some that exist
// (RFC 5891 4.2.3.1: two hyphens at the third place).
func toASCII(label string) (string, error) {
	lower := strings.ToLower(label)
	if isASCII(lower) && !strings.HasPrefix(lower, "xn--") {
		return lower, nil
	}
	if hasWildcard(label) {
		return "", fmt.Errorf("the part '%s' has a wildcard and letters beyond ASCII, which cannot be combined", label)
	}
	ascii, err := idna.Lookup.ToASCII(label)
	if err != nil || !utf8.ValidString(label) {
		return "", fmt.Errorf("the part '%s' has no form in ASCII (IDNA)", label)
	}
	return ascii, nil
}

// wellFormed checks the lengths and letters of a name in lower case (RFC 1123 2.1).
func wellFormed(name string) error {
	if len(name) > 253 {
		return fmt.Errorf("it has %d letters, the most is 253", len(name))
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		switch other := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_*?"); {
		case label == "":
			return errors.New("a part between dots is empty")
		case len(label) > 63:
			return fmt.Errorf("the part '%s' has %d letters, the most is 63", label, len(label))
		case other != "":
			return fmt.Errorf("'%s' cannot be in one", other)
		case label[0] == '-' || label[len(label)-1] == '-':
			return fmt.Errorf("the part '%s' has a hyphen at its end", label)
		}
	}
	if last := labels[len(labels)-1]; strings.Trim(last, "0123456789") == "" {
		return errors.New("it ends with a number, as addresses do, and is no address")
	}
	return nil
}

// isASCII says whether all of text is.
func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c >= 0x80 })
}

// hasWildcard says whether a name stands for several.
func hasWildcard(name string) bool { return strings.ContainsAny(name, "*?") }

// isLocal says whether a name means this machine (RFC 6761 6.3), or is an address: no authority on the Internet gives
// certificates for these without further ado, so gild issues them itself.
func isLocal(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// privateDomains are the top-level domains that will never be on the Internet: RFC 6761, 6762, 7686, 9476, and what
// ICANN has reserved.
var privateDomains = map[string]bool{"alt": true, "example": true, "internal": true, "invalid": true, "local": true, "onion": true, "test": true}

// isPublic says whether an authority on the Internet may issue a certificate for a name.
func isPublic(name string) bool {
	_, domain, dotted := strings.Cut(name, ".")
	if i := strings.LastIndex(domain, "."); i >= 0 {
		domain = domain[i+1:]
	}
	return dotted && !privateDomains[domain] && !strings.Contains(name, "_")
}
