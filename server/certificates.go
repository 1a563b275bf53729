package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CertificateStatus is a certificate that is served, or one that is wanted. Of one that is not there yet Subject, Issuer, Key,
// NotBefore and NotAfter are zero.
type CertificateStatus struct {
	Names     []string  `json:"names"`             // host names and addresses that it is for, at least one
	Missing   []string  `json:"missing,omitempty"` // those of Names that it is not made for yet
	Source    string    `json:"source"`            // "file /path", the name of an authority, or "gild itself"
	OnDemand  bool      `json:"on_demand"`         // a permission script has allowed the name
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Key       string    `json:"key"` // "ECDSA P-256"
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`

	Since time.Time `json:"since,omitzero"`  // when Missing was wanted first, or attempts to obtain or renew it began to fail; zero: all is well
	Error string    `json:"error,omitempty"` // of the last attempt
	Tried time.Time `json:"tried,omitzero"`  // when that was
	Next  time.Time `json:"next,omitzero"`   // when there will or may be another; zero: it is not known
}

// expiresSoon is when the end of a certificate is worth a word: an automatic one should have been renewed weeks before.
const expiresSoon = 7 * 24 * time.Hour

// state is the certificate in a word or two.
func (c *CertificateStatus) state(now time.Time) string {
	switch {
	case c.NotAfter.IsZero():
		return "missing"
	case now.After(c.NotAfter):
		return "expired"
	case now.Before(c.NotBefore):
		return "not yet valid"
	case len(c.Missing) > 0:
		return "incomplete"
	case c.Error != "":
		return "cannot be renewed"
	case c.NotAfter.Sub(now) < expiresSoon:
		return "expires soon"
	}
	return "good"
}

// serves reports whether clients can take the certificate for all its names.
func (c *CertificateStatus) serves(now time.Time) bool {
	return len(c.Missing) == 0 && !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// trouble is what is wrong with getting the certificate; "": nothing.
func (c *CertificateStatus) trouble() string {
	if c.Since.IsZero() {
		return ""
	}
	what := "cannot be renewed"
	if len(c.Missing) > 0 {
		what = "wanted for " + some(c.Missing)
	}
	text := fmt.Sprintf("%s since %s", what, c.Since.Format(stampLayout))
	if c.Error != "" {
		text += fmt.Sprintf("; tried at %s: %s", c.Tried.Format(stampLayout), c.Error)
	}
	if !c.Next.IsZero() {
		text += "; next attempt at " + c.Next.Format(stampLayout)
	}
	return text
}

// someNames is how many names are shown where there is not much room.
const someNames = 3

// some are the first of names.
func some(names []string) string {
	if len(names) <= someNames+1 { // "and 1 more" would be no shorter
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:someNames], ", "), len(names)-someNames)
}

var certificateColumns = []string{"Names", "Source", "Issuer", "Key", "Valid until", "State"}

func certificateCells(s *Status, c *CertificateStatus) []string {
	until := ""
	if !c.NotAfter.IsZero() {
		until = c.NotAfter.In(s.Now.Location()).Format(stampLayout)
	}
	return []string{some(c.Names), c.Source, c.Issuer, c.Key, until, c.state(s.Now)}
}

// shownCertificates is how many are shown to people. Thousands may be on demand.
const shownCertificates = 50

// notable returns the certificates that are shown to people and the number of the others: first those that something is
// wrong with, then in the order of s.
func (s *Status) notable() (shown []*CertificateStatus, others int) {
	for i := range s.Certificates {
		shown = append(shown, &s.Certificates[i])
	}
	rank := func(c *CertificateStatus) int {
		switch {
		case !c.serves(s.Now):
			return 0
		case c.state(s.Now) != "good":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(shown, func(a, b *CertificateStatus) int { return cmp.Compare(rank(a), rank(b)) })
	others = max(0, len(shown)-shownCertificates)
	return shown[:len(shown)-others], others
}

// othersLine tells of the certificates that are not shown; "" if all are.
func othersLine(others int) string {
	if others == 0 {
		return ""
	}
	return fmt.Sprintf("and %d more, all of which ?json and the metrics have", others)
}

// speaksTLS reports whether there is something to say about protocols.
func (s *Status) speaksTLS() bool {
	return len(s.Certificates) > 0 || s.Protocols.HTTP2+s.Protocols.HTTP3+s.HandshakeFailures > 0
}

// protocolsLine is how clients speak to the server.
func protocolsLine(s *Status) string {
	return fmt.Sprintf("HTTP/1: %d requests, HTTP/2: %d, HTTP/3: %d; %d connections with TLS, %d with QUIC, %d failed handshakes",
		s.Protocols.HTTP1, s.Protocols.HTTP2, s.Protocols.HTTP3, s.Connections.TLS, s.Connections.QUIC, s.HandshakeFailures)
}
