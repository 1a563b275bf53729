package tls

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	crypto "crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"gild/logs"
)

// How long certificates of ours are valid. Clocks of clients may be some minutes off.
const (
	rootLife  = 10 * 365 * 24 * time.Hour
	leafLife  = 90 * 24 * time.Hour
	clockSlop = time.Hour
)

// localKey is the name of the local authority in the storage.
const localKey = "local"

// localAuthority issues certificates for localhost and addresses, of which no other authority would say anything. Clients
// trust them if they are told to trust its certificate; its key is of no use for other names: a name constraint (RFC 5280, section 4.2.1.10) leaves nothing but localhost and addresses.
type localAuthority struct {
	storage   storage
	directory string // of its certificate and key
	public    string // path of the certificate for everybody, which may be in that directory
	log       logs.Logger
}

// issue returns a certificate in PEM for the public key.
func (l *localAuthority) issue(ctx context.Context, public any, names []string) ([]byte, *x509.Certificate, error) {
	root, key, err := l.root(ctx)
	if err != nil {
		return nil, nil, err
	}
	template := newTemplate(pkix.Name{}, leafLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return sign(template, root, public, key)
}

// root returns the root certificate and its key, which are made when they are needed for the first time, or when the
// end of the root comes near.
func (l *localAuthority) root(ctx context.Context) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	if root, key, err := l.load(); err == nil {
		return root, key, nil
	}
	if err := l.storage.Lock(ctx, "local_root"); err != nil {
		return nil, nil, fmt.Errorf("cannot lock the local authority: %w", err)
	}
	defer l.storage.Unlock(context.WithoutCancel(ctx), "local_root") // a lock that is left behind goes stale
	if root, key, err := l.load(); err == nil {
		return root, key, nil // another process was quicker
	}
	return l.found()
}

// load reads what found has written. A root that would end before what it issues is as good as none.
func (l *localAuthority) load() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	pair, err := crypto.LoadX509KeyPair(l.path("root.crt"), l.path("root.key"))
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || time.Until(pair.Leaf.NotAfter) < leafLife {
		return nil, nil, errors.New("the root is of no use")
	}
	return pair.Leaf, key, nil
}

// found makes a new root. The certificate may be read by everybody, the key only by us; it is written first, so that
// whoever sees the certificate can find the key.
func (l *localAuthority) found() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	text, root, err := newRoot(key)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(l.directory, 0o755); err != nil {
		return nil, nil, err
	}
	if err := replaceFile(l.path("root.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return nil, nil, err
	}
	if err := replaceFile(l.path("root.crt"), text, 0o644); err != nil {
		return nil, nil, err
	}
	l.publish()
	logs.Printf(l.log, logs.Notice, module, "made an authority for localhost and addresses: clients trust its certificates if they are given %s (curl --cacert)", l.public)
	return root, key, nil
}

// publish writes the certificate of the authority, if there is one yet, where everybody can read it. What is there already is
// not read: other processes of the user may have put it there. Certificates are issued also if it fails, which is logged.
func (l *localAuthority) publish() {
	text, err := os.ReadFile(l.path("root.crt"))
	if err != nil || l.public == l.path("root.crt") {
		return
	}
	if err = os.MkdirAll(filepath.Dir(l.public), 0o755); err == nil {
		err = replaceFile(l.public, text, 0o644)
	}
	if err != nil {
		logs.Printf(l.log, logs.Error, module, "the certificate of the local authority, which clients have to be given, cannot be written to %s: %v; %s must be a directory that belongs to the user of the server", l.public, err, filepath.Dir(l.public))
	}
}

func (l *localAuthority) path(name string) string { return filepath.Join(l.directory, name) }

// newRoot returns a root certificate that has signed itself.
func newRoot(key *ecdsa.PrivateKey) ([]byte, *x509.Certificate, error) {
	host, _ := os.Hostname() // only tells roots apart for people
	template := newTemplate(pkix.Name{CommonName: "gild local authority on " + host}, rootLife)
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.BasicConstraintsValid, template.IsCA, template.MaxPathLenZero = true, true, true
	template.PermittedDNSDomainsCritical, template.PermittedDNSDomains = true, []string{"localhost"}
	return sign(template, template, key.Public(), key)
}

// newTemplate has what all certificates of ours have.
func newTemplate(subject pkix.Name, life time.Duration) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{Subject: subject, NotBefore: now.Add(-clockSlop), NotAfter: now.Add(life)}
}

// sign returns the certificate in PEM and parsed. CreateCertificate chooses a serial number.
func sign(template, parent *x509.Certificate, public any, key *ecdsa.PrivateKey) ([]byte, *x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), certificate, err
}

// replaceFile writes a file in one step.
func replaceFile(name string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name()) // best effort: the error before is the one that counts
	}
	return err
}
