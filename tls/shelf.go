package tls

import (
	"context"
	"crypto/x509"
	"errors"
	"path"
	"strings"
	"time"
)

// siteOf is the base name of the directory where the certificate for a set of names is kept: the first name, and, if
// there are more, something that stands for the set. So another set means another certificate, and processes with
// different sets never take turns at replacing each other's.
func siteOf(names []string) string {
	first := safe(names[0])
	if len(names) == 1 {
		return first
	}
	return first + "_" + fingerprint(names...)
}

// shelf is the storage, with one place for the certificate of several names, by whichever of them it is asked for: certmagic
// takes the first name that it finds in a certificate, and authorities put them into an order of their own.
type shelf struct {
	*fileStorage
	sites map[string]string // name as in a path -> site, of the names of groups
}

// share gives the names one place.
func (s *shelf) share(names []string) {
	for _, name := range names {
		s.sites[safe(name)] = siteOf(names)
	}
}

// place turns certificates/ISSUER/NAME/NAME.crt and its like into the path of the site of NAME.
func (s *shelf) place(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 3 || parts[0] != "certificates" {
		return key
	}
	name := parts[2]
	site, shared := s.sites[name]
	if !shared {
		return key
	}
	parts[2] = site
	if len(parts) > 3 {
		parts[3] = site + strings.TrimPrefix(parts[3], name)
	}
	return path.Join(parts...)
}

// Load, Store, Delete and Exists are certmagic.Storage.

func (s *shelf) Load(ctx context.Context, key string) ([]byte, error) {
	return s.fileStorage.Load(ctx, s.place(key))
}

func (s *shelf) Store(ctx context.Context, key string, value []byte) error {
	return s.fileStorage.Store(ctx, s.place(key), value)
}

func (s *shelf) Delete(ctx context.Context, key string) error {
	return s.fileStorage.Delete(ctx, s.place(key))
}

func (s *shelf) Exists(ctx context.Context, key string) bool {
	return s.fileStorage.Exists(ctx, s.place(key))
}

// certificatePath is where certmagic keeps the certificate for name.
func certificatePath(issuer, name string) string {
	return path.Join(sitePath(issuer, name), safe(name)+".crt")
}

// sitePath is the directory of that and of the key.
func sitePath(issuer, name string) string { return path.Join("certificates", safe(issuer), safe(name)) }

// leaf is the certificate for name that is kept; nil: there is none.
func (s *shelf) leaf(ctx context.Context, issuer, name string) *x509.Certificate {
	text, err := s.Load(ctx, certificatePath(issuer, name))
	if err != nil {
		return nil
	}
	chain, err := parseCertificates(text, "")
	if err != nil {
		return nil
	}
	return chain[0]
}

// former returns the newest pair in PEM that is kept for another set of names with the same first name.
func (s *shelf) former(ctx context.Context, issuer, first string) (chain, key []byte) {
	sites, err := s.List(ctx, path.Join("certificates", safe(issuer)), false)
	if err != nil {
		return nil, nil // nothing has been issued yet
	}
	var begin time.Time
	for _, site := range sites {
		base := path.Base(site)
		if name := safe(first); base != name && !strings.HasPrefix(base, name+"_") {
			continue
		}
		text, err := s.fileStorage.Load(ctx, path.Join(site, base+".crt"))
		secret, err2 := s.fileStorage.Load(ctx, path.Join(site, base+".key"))
		certificates, err3 := parseCertificates(text, "")
		if errors.Join(err, err2, err3) == nil && certificates[0].NotBefore.After(begin) && time.Now().Before(certificates[0].NotAfter) {
			chain, key, begin = text, secret, certificates[0].NotBefore
		}
	}
	return chain, key
}
