package integration

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// usual are the names in a certificate that says nothing about them.
var usual = []string{"localhost", "gild.example", "127.0.0.1"}

// certificate is what a certificate section asks for.
type certificate struct {
	names      []string
	key        crypto.Signer
	from, to   int // days from now; both 0: valid, for as long as is usual
	chained    bool
	client     bool
	stranger   bool
	mismatched bool
	mode       os.FileMode
}

// certify writes STUB.crt and STUB.key, each at once and not piece by piece, for a certificate section.
func (s *story) certify(stub string, section *txtar.File) error {
	c := certificate{names: usual, key: ellipticKey(s.t), mode: 0o644}
	for line := range strings.Lines(string(section.Data)) {
		if err := c.line(s, strings.Fields(line)); err != nil {
			return err
		}
	}
	return s.put(stub, &c)
}

// line takes one line of the section.
func (c *certificate) line(s *story, words []string) (err error) {
	switch strings.Join(words[:min(len(words), 1)], "") {
	case "":
	case "names":
		c.names = words[1:]
	case "rsa":
		c.key = rsaKey(s.t)
	case "valid":
		_, err = fmt.Sscan(strings.Join(words[1:], " "), &c.from, &c.to)
	case "mode":
		var mode uint64
		mode, err = strconv.ParseUint(words[1], 8, 32)
		c.mode = os.FileMode(mode)
	case "chained":
		c.chained = true
	case "client":
		c.client = true
	case "stranger":
		c.stranger = true
	case "mismatched":
		c.mismatched = true
	default:
		err = fmt.Errorf("%q is not known in a certificate section", words)
	}
	return err
}

// put writes the files of a certificate.
func (s *story) put(stub string, c *certificate) error {
	path, issuer := filepath.Join(s.dir, stub), s.issuer()
	if c.stranger {
		issuer = newAuthority(s.t)
	}
	if c.chained {
		issuer = issuer.between()
		issuer.write(path + ".chain")
	}
	template := issuer.template(c.key, c.names...)
	c.fill(template)
	writePEM(s.t, path+".crt~", "CERTIFICATE", issuer.sign(template, issuer.cert, c.key.Public()).Raw)
	if c.mismatched {
		c.key = ellipticKey(s.t)
	}
	writeKey(s.t, path+".key~", c.key)
	return s.rename(path, c.mode)
}

// fill makes the template of an ordinary certificate the one that was asked for.
func (c *certificate) fill(template *x509.Certificate) {
	if c.from != 0 || c.to != 0 {
		template.NotBefore, template.NotAfter = time.Now().AddDate(0, 0, c.from), time.Now().AddDate(0, 0, c.to)
	}
	if c.client {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
}

// rename puts the key in place, and then the certificate.
func (s *story) rename(path string, mode os.FileMode) error {
	if err := os.Chmod(path+".key~", mode); err != nil {
		return err
	}
	for _, extension := range []string{".key", ".crt"} {
		if err := os.Rename(path+extension+"~", path+extension); err != nil {
			return err
		}
	}
	return nil
}

// between is an authority that is certified by a.
func (a *authority) between() *authority {
	key := ellipticKey(a.t)
	template := a.template(key, "Intermediate authority")
	template.DNSNames, template.ExtKeyUsage = nil, nil
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	return &authority{t: a.t, key: key, cert: a.sign(template, a.cert, key.Public()), pool: a.pool}
}

// prepareSecurity makes what the options of a story take for granted: the certificate "site".
func (s *story) prepareSecurity(args []string) error {
	if !slices.Contains(args, "$HTTPS") || !slices.Contains(args, "$DIR/site") {
		return nil
	}
	return s.certify("site", &txtar.File{})
}

// issuer is the authority of the story, which is made when it is needed first, with its own certificate in "ca.pem".
func (s *story) issuer() *authority {
	if s.authority == nil {
		s.authority = newAuthority(s.t)
		s.authority.write(filepath.Join(s.dir, "ca.pem"))
	}
	return s.authority
}
