package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestCheckCertificateDirectory: the user who speaks HTTP has to get through the directory of certificates and those above it.
// One that does not exist is made so.
func TestCheckCertificateDirectory(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "closed", "kept")
	c := mustParse(t, testEnv(dir, nil), "--https-port=8443", "--server-name=localhost", "--certificate-directory", kept)
	c.Credential = &Credential{UID: 4711, GID: 4711}
	write(t, dir, "closed/file", "")
	for _, step := range []struct {
		directory string
		mode      fs.FileMode
		complaint string
	}{
		{"closed", 0o700, "no access to '" + filepath.Join(dir, "closed") + "'"},
		{"closed", 0o711, ""},
		{"closed/kept", 0o700, "no access to '" + kept + "'"},
		{"closed/kept", 0o711, ""},
	} {
		path := filepath.Join(dir, step.directory)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, step.mode); err != nil {
			t.Fatal(err)
		}
		switch err := c.usable("--certificate-directory", kept); {
		case step.complaint != "":
			wantComplaint(t, err, "--certificate-directory", step.complaint)
		case err != nil && !closedAbove(dir, c.Credential):
			t.Errorf("%s with %v: %v", step.directory, step.mode, err)
		}
	}
}

// closedAbove says whether the tests run in a place that is closed to others.
func closedAbove(dir string, user *Credential) bool {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || !user.may(info, searchBit) {
			return true
		}
	}
	return false
}

// TestCredentialMay: the bits of the owner, of the group or of others count, as for the kernel: the first that fit.
func TestCredentialMay(t *testing.T) {
	dir := t.TempDir()
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	for _, c := range []struct {
		user Credential
		mode fs.FileMode
		want bool
	}{
		{Credential{UID: 4711, GID: 4711}, 0o773, true},
		{Credential{UID: 4711, GID: 4711}, 0o775, false},
		{Credential{UID: 4711, GID: gid}, 0o730, true},
		{Credential{UID: 4711, GID: gid}, 0o707, false},
		{Credential{UID: 4711, GID: 4711, Groups: []uint32{gid}}, 0o770, true},
		{Credential{UID: uid, GID: gid}, 0o700, true},
		{Credential{UID: uid, GID: gid}, 0o477, uid == 0}, // root may everything
	} {
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		const writeBit = 2
		if got := c.user.may(info, writeBit|searchBit); got != c.want {
			t.Errorf("%+v in a directory of %d:%d with mode %o: %v", c.user, uid, gid, c.mode, got)
		}
	}
}

// TestCheckDER: a certificate in the other common form is recognised.
func TestCheckDER(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "cert.crt", "\x30\x82\x01\x0a")
	wantComplaint(t, pemFile("--ssl-certificate", "CERTIFICATE", filepath.Join(dir, "cert.crt")), "--ssl-certificate", "seems to be in DER")
}

// TestOpenSSLNames: OpenSSL's names are made by rule; these show each part of it.
func TestOpenSSLNames(t *testing.T) {
	for name, want := range map[string]string{
		"TLS_RSA_WITH_RC4_128_SHA":                      "RC4-SHA",
		"TLS_RSA_WITH_3DES_EDE_CBC_SHA":                 "DES-CBC3-SHA",
		"TLS_RSA_WITH_AES_128_CBC_SHA":                  "AES128-SHA",
		"TLS_RSA_WITH_AES_128_CBC_SHA256":               "AES128-SHA256",
		"TLS_RSA_WITH_AES_256_GCM_SHA384":               "AES256-GCM-SHA384",
		"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA":           "ECDHE-RSA-DES-CBC3-SHA",
		"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA":          "ECDHE-ECDSA-AES256-SHA",
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256":       "ECDHE-ECDSA-AES128-GCM-SHA256",
		"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256":   "ECDHE-RSA-CHACHA20-POLY1305",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
	} {
		if got := openSSLName(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
