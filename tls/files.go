package tls

import (
	"bytes"
	gocrypto "crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gild/config"
)

// pair is a certificate with its chain and its key.
type pair struct {
	File  string // the file of the certificate, for messages
	Chain []byte // PEM: the certificate, then those that lead to its authority
	Key   []byte // PEM, one block
}

// files are what the files of a configuration contain.
type files struct {
	pairs     []pair
	leaves    []*x509.Certificate // of pairs
	chains    [][]*x509.Certificate
	clientCA  []byte
	acmeRoots []byte
}

// readFiles reads and checks all files that h names.
func readFiles(h *config.HTTPS) (f files, err error) {
	for _, c := range h.Certificates {
		p, chain, err := readPair(c)
		if err != nil {
			return files{}, err
		}
		f.pairs, f.chains, f.leaves = append(f.pairs, p), append(f.chains, chain), append(f.leaves, chain[0])
	}
	if f.clientCA, err = readAuthorities(h.ClientCA); err != nil {
		return files{}, err
	}
	if h.Automatic != nil {
		f.acmeRoots, err = readAuthorities(h.Automatic.CARoot)
	}
	return f, err
}

// readPair reads a certificate and its key, and sees that they belong together.
func readPair(c config.Certificate) (pair, []*x509.Certificate, error) {
	text, err := readFile(c.File, "certificate")
	if err != nil {
		return pair{}, nil, err
	}
	chain, err := parseCertificates(text, c.File)
	if err != nil {
		return pair{}, nil, err
	}
	if c.Chain != "" {
		more, err := readChain(c.Chain)
		if err != nil {
			return pair{}, nil, err
		}
		chain = append(chain, more...)
	}
	block, key, err := readKey(c.Key)
	if err != nil {
		return pair{}, nil, err
	}
	if !samePublicKey(chain[0], key) {
		return pair{}, nil, fmt.Errorf("the key in %s is not that of the certificate in %s (%s): give the files that were made together", c.Key, c.File, describe(chain[0]))
	}
	return pair{File: c.File, Chain: encodeCertificates(chain), Key: pem.EncodeToMemory(block)}, chain, nil
}

// readChain reads the file of intermediate certificates.
func readChain(name string) ([]*x509.Certificate, error) {
	text, err := readFile(name, "certificate chain")
	if err != nil {
		return nil, err
	}
	return parseCertificates(text, name)
}

// readKey reads the file of a key. The file may contain certificates as well.
func readKey(name string) (*pem.Block, gocrypto.Signer, error) {
	text, err := readFile(name, "key of the certificate")
	if err != nil {
		return nil, nil, err
	}
	return parseKey(text, name)
}

// readAuthorities reads a file of certificates of authorities; "" is none.
func readAuthorities(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readFile(name, "certificates of authorities")
	if err != nil {
		return nil, err
	}
	certificates, err := parseCertificates(text, name)
	return encodeCertificates(certificates), err
}

// readFile says what it was looking for when it cannot read a file.
func readFile(name, what string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the %s: %w", what, err)
	}
	return text, nil
}

// parseCertificates returns the certificates of a text in PEM (RFC 7468), at least one. The name of the file is for errors.
func parseCertificates(text []byte, name string) (certificates []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in %s is damaged: %w", len(certificates)+1, name, err)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, fmt.Errorf("there is no certificate in %s: it must be in PEM, the text that begins with -----BEGIN CERTIFICATE-----%s", name, hintDER(text))
	}
	return certificates, nil
}

// hintDER says how to convert a file that is binary.
func hintDER(text []byte) string {
	if _, err := x509.ParseCertificate(text); err != nil {
		return ""
	}
	return "; this one is in DER: openssl x509 -inform der -in FILE -out FILE.pem converts it"
}

// parseKey returns the first private key of a text in PEM, as PKCS #8, PKCS #1 or SEC 1.
func parseKey(text []byte, name string) (*pem.Block, gocrypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, nil, fmt.Errorf("the key in %s is encrypted, and there is nobody to type its pass phrase: openssl pkey -in %s -out FILE decrypts it", name, name)
		}
		key, err := parsePrivateKey(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("the key in %s cannot be used: %w", name, err)
		}
		return block, key, nil
	}
	return nil, nil, fmt.Errorf("there is no private key in %s: it must be in PEM, the text that begins with -----BEGIN PRIVATE KEY-----", name)
}

// parsePrivateKey takes whichever of the three encodings it is.
func parsePrivateKey(der []byte) (gocrypto.Signer, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("it is neither PKCS #8 nor PKCS #1 nor SEC 1: %w", err)
	}
	signer, ok := key.(gocrypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

// samePublicKey says whether the key is the one that the certificate is about.
func samePublicKey(certificate *x509.Certificate, key gocrypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(gocrypto.PublicKey) bool })
	return ok && public.Equal(certificate.PublicKey)
}

func encodeCertificates(certificates []*x509.Certificate) []byte {
	var text bytes.Buffer
	for _, certificate := range certificates {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}) // a bytes.Buffer takes everything
	}
	return text.Bytes()
}

// expiresSoon says whether it is time to talk about the end of a certificate, once a day: in the last week, or in the last
// tenth of a life that is short.
func expiresSoon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < min(7*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/10)
}

// warnings are what is strange about the certificates, a line each.
func (f files) warnings(c *config.Config, now time.Time) (lines []string) {
	for i, leaf := range f.leaves {
		name := f.pairs[i].File
		switch {
		case now.After(leaf.NotAfter):
			lines = append(lines, fmt.Sprintf("the certificate in %s has expired, on %s: browsers refuse it; replace the file, and it is picked up without a restart", name, date(leaf.NotAfter)))
		case now.Before(leaf.NotBefore):
			lines = append(lines, fmt.Sprintf("the certificate in %s is not valid before %s: browsers refuse it until then; look whether the clock of this machine is right (it says %s)", name, date(leaf.NotBefore), date(now)))
		case expiresSoon(leaf, now):
			lines = append(lines, fmt.Sprintf("the certificate in %s expires on %s", name, date(leaf.NotAfter)))
		}
		if stray := strayLink(f.chains[i]); stray != nil {
			lines = append(lines, fmt.Sprintf("the chain of the certificate in %s is broken: %s is not issued by %s, which follows it; browsers may refuse it", name, describe(stray[0]), describe(stray[1])))
		}
	}
	if uncovered := f.uncovered(c); len(f.leaves) > 0 && len(uncovered) > 0 {
		lines = append(lines, fmt.Sprintf("no certificate is made for %s: browsers refuse what is served under that name", strings.Join(uncovered, ", ")))
	}
	return lines
}

// strayLink returns the first two neighbours of a chain of which the second has not issued the first.
func strayLink(chain []*x509.Certificate) []*x509.Certificate {
	for i := range len(chain) - 1 {
		if chain[i].CheckSignatureFrom(chain[i+1]) != nil {
			return chain[i : i+2]
		}
	}
	return nil
}

// uncovered are the names of the site for which there is no certificate. Aliases with wildcards are left out: nobody can
// say which names are meant.
func (f files) uncovered(c *config.Config) (names []string) {
	for _, name := range append([]string{c.ServerName}, c.ServerAliases...) {
		if name != "" && !strings.ContainsAny(name, "*?") && !covered(f.leaves, name) {
			names = append(names, name)
		}
	}
	return names
}

func covered(leaves []*x509.Certificate, name string) bool {
	for _, leaf := range leaves {
		if leaf.VerifyHostname(name) == nil {
			return true
		}
	}
	return false
}

// describe names a certificate in messages.
func describe(certificate *x509.Certificate) string {
	if certificate.Subject.CommonName == "" && len(certificate.DNSNames) > 0 {
		return certificate.DNSNames[0]
	}
	return certificate.Subject.String()
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// stamp tells two states of a file apart. That of a file that is not there is zero.
type stamp struct {
	device, inode        uint64
	size                 int64
	modified, attributes unix.Timespec
}

// stamps are those of all files that h names. Links are followed, so that one that was pointed elsewhere counts.
func stamps(h *config.HTTPS) (all []stamp) {
	for _, c := range h.Certificates {
		all = append(all, stampOf(c.File), stampOf(c.Key), stampOf(c.Chain))
	}
	all = append(all, stampOf(h.ClientCA))
	if h.Automatic != nil {
		all = append(all, stampOf(h.Automatic.CARoot))
	}
	return all
}

func stampOf(name string) stamp {
	var s unix.Stat_t
	if name == "" || unix.Stat(name, &s) != nil {
		return stamp{}
	}
	return stamp{device: uint64(s.Dev), inode: s.Ino, size: s.Size, modified: s.Mtim, attributes: s.Ctim}
}
