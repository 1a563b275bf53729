package config

import (
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// httpsFiles checks the files and the directory of HTTPS.
func (c *Config) httpsFiles() error {
	if c.HTTPS == nil {
		return nil
	}
	var errs []error
	for _, certificate := range c.HTTPS.Certificates {
		errs = append(errs, certificate.check())
	}
	if c.HTTPS.ClientCA != "" {
		errs = append(errs, pemFile("--ssl-ca-certificate-file", "CERTIFICATE", c.HTTPS.ClientCA))
	}
	if c.HTTPS.Automatic != nil {
		errs = append(errs, c.automaticFiles(c.HTTPS.Automatic))
	}
	return errors.Join(errs...)
}

// check looks into the files of a certificate. Their place is the family of options, because a stub has two files.
func (c *Certificate) check() error {
	const place = "--ssl-certificate"
	errs := []error{pemFile(place, "CERTIFICATE", c.File), pemFile(place, "PRIVATE KEY", c.Key)}
	if c.Chain != "" {
		errs = append(errs, pemFile(place, "CERTIFICATE", c.Chain))
	}
	return errors.Join(errs...)
}

// automaticFiles checks what is needed to obtain certificates.
func (c *Config) automaticFiles(a *Automatic) error {
	errs := []error{
		writable("--certificate-directory", a.Storage),
		ours("--certificate-directory", a.Storage),
		c.usable("--certificate-directory", a.Storage),
	}
	if a.CARoot != "" {
		errs = append(errs, pemFile("--acme-ca-root", "CERTIFICATE", a.CARoot))
	}
	if a.PermissionScript != "" {
		errs = append(errs, script("--acme-permission-script", filepath.Join(c.chroot(), a.PermissionScript)))
	}
	return errors.Join(errs...)
}

// chroot is the directory that the processes of the application take for "/", or "".
func (c *Config) chroot() string {
	if len(c.Groups) == 0 {
		return ""
	}
	return c.Groups[max(c.Application.ProcessGroup, 0)].Chroot // the group of the permission script has that of the application
}

// largestPEM is more than any file of certificates has: the bundle of all authorities has a quarter of it.
const largestPEM = 1 << 20

// pemFile complains about a file that cannot be read or has nothing of the kind in it, which is the end of a type of
// RFC 7468: keys have several.
func pemFile(place, kind, path string) error {
	data, err := readRegular(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return complain(place, "the file cannot be used: %s; let this user read it, or start gild as root with --user: it reads the file before it becomes that user", err)
	case err != nil:
		return complain(place, "the file cannot be used: %s", err)
	}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, kind) {
			return nil
		}
	}
	if len(data) > 0 && data[0] == 0x30 { // the SEQUENCE that every certificate and key begins with
		return complain(place, "'%s' seems to be in DER; it has to be in PEM ('openssl x509 -inform der' and 'openssl pkey -inform der' convert)", path)
	}
	return complain(place, "there is no %s in '%s'; it has to be in PEM, with a line -----BEGIN ... %s-----", strings.ToLower(kind), path, kind)
}

// readRegular reads a file that is neither a directory nor something that never ends.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("it is not a file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, largestPEM))
}

// script complains about a script that is not there. Unlike the application's it is not waited for: without it names
// would be refused for no reason that anybody sees.
func script(place, path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return complain(place, "the script cannot be used: %s", err)
	case info.IsDir():
		return complain(place, "'%s' is a directory, not a script", path)
	}
	return nil
}

// usable complains if a directory, or one above it, is closed to the user of the processes that speak HTTP: there is the
// certificate that clients are given to trust local ones. What that user writes is in directories that the supervisor makes.
func (c *Config) usable(place, dir string) error {
	if c.Credential == nil {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err == nil && !c.Credential.may(info, searchBit) {
			return complain(place, "user '%s' has no access to '%s'; change its owner or mode, or choose another directory", c.User, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// searchBit is what others need to go through a directory (X_OK of access(2)); the bits of the group and of the owner are three and
// six to the left.
const searchBit = 1

// may says whether the mode of a file allows something. Access control lists are not asked.
func (c *Credential) may(info fs.FileInfo, wants fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || c.UID == 0 {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case stat.Uid == c.UID:
		mode >>= 6
	case stat.Gid == c.GID || slices.Contains(c.Groups, stat.Gid):
		mode >>= 3
	}
	return mode&wants == wants
}
