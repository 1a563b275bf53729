package tls

import (
	"context"
	crypto "crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
)

// certificate is source.
func (a *automatic) certificate(hello *crypto.ClientHelloInfo) (*crypto.Certificate, error) {
	name := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	if name == "" && hello.Conn != nil {
		name = hostOf(hello.Conn.LocalAddr().String()) // such as a browser that was given an address asks
	}
	if g := a.byName[name]; g != nil {
		return a.ofGroup(hello.Context(), g, name)
	}
	if a.demand != nil && hello.ServerName != "" {
		return a.onDemand(hello.Context(), name)
	}
	if len(a.groups) == 0 {
		return nil, fmt.Errorf("%w: the client named no host, and without --server-name there is none to take instead", errRefused)
	}
	return a.ofGroup(hello.Context(), a.groups[0], a.groups[0].names[0])
}

// permitted says whether name is one of the further names: there is a certificate for it, or the site permits one.
func (a *automatic) permitted(ctx context.Context, name string) bool {
	return a.demand != nil && (newest(a.further, name) != nil || a.demand.permitted(ctx, name) == nil)
}

// ofGroup finds the certificate of a group. A local one takes no longer than a blink to be made, which is worth waiting for.
func (a *automatic) ofGroup(ctx context.Context, g *group, name string) (*crypto.Certificate, error) {
	if c := newest(a.cache, name); c != nil {
		return c, nil
	}
	if g.local {
		ctx, cancel := context.WithTimeout(ctx, a.settings.patience)
		defer cancel()
		select {
		case <-g.ready:
		case <-ctx.Done():
		}
		if c := newest(a.cache, name); c != nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("there is no certificate for %s yet; the error log says why it takes so long", name)
}

// leaf is source.
func (a *automatic) leaf(s *crypto.ConnectionState) *x509.Certificate {
	name := strings.ToLower(s.ServerName)
	c := newest(a.cache, name)
	if c == nil && a.further != nil {
		c = newest(a.further, name)
	}
	if c == nil && len(a.groups) > 0 {
		c = newest(a.cache, a.groups[0].names[0])
	}
	if c == nil {
		return nil
	}
	return c.Leaf
}
