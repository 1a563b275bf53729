package tls

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	crypto "crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"time"

	"gild/config"
)

// Certificate is what is known of a certificate that is served, or of one that is wanted. Of one that is not there yet
// Subject, Issuer, Key and both times are zero.
type Certificate struct {
	Names           []string // host names and addresses that it is for
	Missing         []string // those of Names that it does not have: a certificate for all of them is wanted
	Source          string   // "file /path", "Let's Encrypt" or the host of another authority's directory, or "gild itself"
	OnDemand        bool     // the permission script has allowed it; the configuration does not mention the name
	Subject, Issuer string   // distinguished names (RFC 4514)
	Key             string   // type and size, as "ECDSA P-256" or "RSA 2048"
	NotBefore       time.Time
	NotAfter        time.Time

	// What is wrong with obtaining or renewing it, as far as this process has seen, or with files that have changed. Zero:
	// nothing, or it is not known.
	Since time.Time // when Missing was wanted first, or the attempts began to fail
	Error string    // of the last attempt, with what to do about it
	Tried time.Time // when that was
	Next  time.Time // when there is another attempt; of one on demand: when a client may cause it
}

// Status returns all certificates: those of the configuration in its order, then those on demand, with those first that
// cannot be had, and then by their ends. It looks at each, so it is for people and their tools. The caller owns what it
// gets.
func (m *Manager) Status() []Certificate {
	if m.automatic != nil {
		return m.automatic.status()
	}
	s := m.state.Load()
	served, _ := s.source.(pairs)
	return served.status(m.options.Config.HTTPS.Certificates, s.fault)
}

// status describes certificates that are read from files, which are in the same order.
func (p pairs) status(files []config.Certificate, f fault) (all []Certificate) {
	for i, c := range p[:min(len(p), len(files))] {
		described := Certificate{Names: namesOf(c.Leaf), Source: "file " + files[i].File, Since: f.Since, Error: f.Reason, Tried: f.Last}
		all = append(all, described.of(c.Leaf))
	}
	return all
}

// status describes the certificates of groups, and those on demand.
func (a *automatic) status() (all []Certificate) {
	for _, g := range a.groups {
		source := authorityName(a.config.Directory)
		if g.local {
			source = "gild itself"
		}
		all = append(all, a.describe(Certificate{Names: slices.Clone(g.names), Source: source}))
	}
	return append(all, a.demandedStatus()...)
}

// demandedStatus describes what was obtained on demand, or could not be.
func (a *automatic) demandedStatus() (all []Certificate) {
	for _, name := range a.ledger.demanded() {
		c := a.describe(Certificate{Names: []string{name}, Source: authorityName(a.config.Directory), OnDemand: true})
		switch {
		case c.NotAfter.IsZero() && time.Since(c.Tried) > longRest:
			a.ledger.forget(name) // nobody asks for it any more, or it had to make room in the cache
			continue
		case c.Error != "":
			c.Next = a.demand.until(name)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y Certificate) int {
		return cmp.Or(x.NotAfter.Compare(y.NotAfter), cmp.Compare(x.Names[0], y.Names[0]))
	})
	return all
}

// longRest is how long nobody must have asked for a name on demand that has no certificate, before it is not wanted any more.
const longRest = 24 * time.Hour

// describe adds to c what is served for its names, and what the ledger says.
func (a *automatic) describe(c Certificate) Certificate {
	leaf := a.served(c.Names[0])
	c = c.of(leaf)
	t, failing := a.ledger.trouble(c.Names[0], leaf)
	switch {
	case failing:
		c.Since, c.Error, c.Tried, c.Next = t.since, t.reason, t.last, t.next
	case len(c.Missing) > 0:
		c.Since = a.ledger.opened
	}
	return c
}

// noteFailure remembers that the certificate of which name is the first could not be had.
func (a *automatic) noteFailure(name string, err error) {
	reason := err.Error()
	if what := remedy(err); what != "" {
		reason += "; " + what
	}
	a.ledger.failed(name, a.hoard.plain(reason), a.served(name), time.Now())
}

// noteDemand remembers those of names that are on demand.
func (a *automatic) noteDemand(names []string) {
	for _, name := range names {
		if a.byName[name] == nil {
			a.ledger.demand(name)
		}
	}
}

// served is the certificate that a handshake for name gets now; nil: there is none.
func (a *automatic) served(name string) *x509.Certificate {
	var c *crypto.Certificate
	if a.byName[name] != nil {
		c = newest(a.cache, name)
	} else if a.further != nil {
		c = newest(a.further, name)
	}
	if c == nil {
		return nil
	}
	return c.Leaf
}

// of fills in what leaf says about itself, and which of the names it lacks.
func (c Certificate) of(leaf *x509.Certificate) Certificate {
	if leaf == nil {
		c.Missing = slices.Clone(c.Names)
		return c
	}
	c.Subject, c.Issuer, c.Key = leaf.Subject.String(), leaf.Issuer.String(), keyType(leaf.PublicKey)
	c.NotBefore, c.NotAfter = leaf.NotBefore, leaf.NotAfter
	for _, name := range c.Names { // a wildcard is no host name that could be verified
		if leaf.VerifyHostname(name) != nil && !slices.Contains(namesOf(leaf), name) {
			c.Missing = append(c.Missing, name)
		}
	}
	return c
}

// namesOf are the names that a certificate is made for. One from before RFC 6125 may have none but its common name, which no
// browser looks at any more.
func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, address := range leaf.IPAddresses {
		names = append(names, address.String())
	}
	if len(names) == 0 {
		names = []string{leaf.Subject.CommonName}
	}
	return names
}

// keyType is the type of a public key as people know it.
func keyType(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", key)
}

// authorityNames are those that are better known by another name than that of a host.
var authorityNames = map[string]string{
	"acme-v02.api.letsencrypt.org":         "Let's Encrypt",
	"acme-staging-v02.api.letsencrypt.org": "Let's Encrypt (staging)",
}

// authorityName names the authority of an ACME directory.
func authorityName(directory string) string {
	u, err := url.Parse(directory)
	if err != nil || u.Host == "" {
		return directory
	}
	return cmp.Or(authorityNames[u.Host], u.Host)
}
