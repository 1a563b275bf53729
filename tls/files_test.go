package tls

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"gild/config"
)

var update = flag.Bool("u", false, "rewrite the golden files")

// golden compares what a test made with testdata/name, a txtar archive with one file for each case.
func golden(t *testing.T, name string, got []txtar.File) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, txtar.Format(&txtar.Archive{Files: got}), 0o644))
		return
	}
	archive, err := txtar.ParseFile(path)
	must(t, err)
	if want := string(txtar.Format(archive)); want != string(txtar.Format(&txtar.Archive{Files: got})) {
		t.Errorf("%s differs; run make golden and look at the diff. Got:\n%s", path, txtar.Format(&txtar.Archive{Files: got}))
	}
}

// TestFilesErrors shows what is said about each way in which files can be wrong.
func TestFilesErrors(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	leaf := a.leaf(key, []string{"www.example.com"}, nil)
	text := string(encodeCertificates([]*x509.Certificate{leaf}))
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "x"}, Bytes: []byte("x")}))
	cases := []struct{ name, certificate, key, chain string }{
		{"no certificate file", "", encodeKey(t, key), ""},
		{"no key file", text, "", ""},
		{"key of another certificate", text, encodeKey(t, newECKey(t)), ""},
		{"key of another kind", text, encodeKey(t, newRSAKey(t)), ""},
		{"not PEM", "hello\n", encodeKey(t, key), ""},
		{"DER", string(leaf.Raw), encodeKey(t, key), ""},
		{"damaged certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), encodeKey(t, key), ""},
		{"a key and no certificate", encodeKey(t, key), encodeKey(t, key), ""},
		{"a certificate and no key", text, text, ""},
		{"damaged key", text, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), ""},
		{"encrypted key", text, encrypted, ""},
		{"encrypted key, as OpenSSL had it once", text, old, ""},
		{"chain without certificates", text, encodeKey(t, key), "hello\n"},
	}
	var got []txtar.File
	for i, c := range cases {
		stub := filepath.Join(directory, string(rune('a'+i)))
		h := &config.HTTPS{Certificates: []config.Certificate{{File: stub + ".crt", Key: stub + ".key"}}}
		for name, text := range map[string]string{".crt": c.certificate, ".key": c.key, ".chain": c.chain} {
			if text != "" {
				writeFile(t, stub+name, text)
			}
		}
		if c.chain != "" {
			h.Certificates[0].Chain = stub + ".chain"
		}
		_, err := NewKeeper(newDiary(t)).Vault(&config.Config{HTTPS: h})
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		got = append(got, txtar.File{Name: c.name, Data: []byte(strings.ReplaceAll(err.Error(), stub, "/etc/ssl/site") + "\n")})
	}
	golden(t, "errors.txtar", got)
}

// TestFilesWarnings shows what is said about certificates that are strange, but in use.
func TestFilesWarnings(t *testing.T) {
	a, other, directory, key := newAuthorityForTests(t), newAuthorityForTests(t), t.TempDir(), newECKey(t)
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	valid := func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, 0, from), now.AddDate(0, 0, to) }
	}
	cases := []struct {
		name   string
		names  []string
		change func(*x509.Certificate)
		chain  *x509.Certificate
	}{
		{"nothing", []string{"www.example.com", "example.com"}, valid(-10, 80), a.root},
		{"expired", []string{"www.example.com", "example.com"}, valid(-90, -1), a.root},
		{"not valid yet", []string{"www.example.com", "example.com"}, valid(1, 80), a.root},
		{"expires soon", []string{"www.example.com", "example.com"}, valid(-85, 5), a.root},
		{"a short life", []string{"www.example.com", "example.com"}, valid(-3, 3), a.root},
		{"another name", []string{"www.example.org"}, valid(-10, 80), a.root},
		{"a wildcard", []string{"*.example.com"}, valid(-10, 80), a.root},
		{"a strange chain", []string{"www.example.com", "example.com"}, valid(-10, 80), other.root},
	}
	var got []txtar.File
	for i, c := range cases {
		stub := string(rune('a' + i))
		pair := a.files(directory, stub, key, a.leaf(key, c.names, c.change))
		pair.Chain = filepath.Join(directory, stub+".chain")
		writeFile(t, pair.Chain, string(encodeCertificates([]*x509.Certificate{c.chain})))
		read, err := readFiles(&config.HTTPS{Certificates: []config.Certificate{pair}})
		must(t, err)
		lines := read.warnings(&config.Config{ServerName: "www.example.com", ServerAliases: []string{"example.com", "*.example.net"}}, now)
		text := strings.ReplaceAll(strings.Join(append(lines, ""), "\n"), filepath.Join(directory, stub), "/etc/ssl/site")
		got = append(got, txtar.File{Name: c.name, Data: []byte(text)})
	}
	golden(t, "warnings.txtar", got)
}

// One file may hold certificate, chain and key; the key may be in any of the three encodings.
func TestFilesFormats(t *testing.T) {
	a, directory, ec, rsa := newAuthorityForTests(t), t.TempDir(), newECKey(t), newRSAKey(t)
	sec1, err := x509.MarshalECPrivateKey(ec)
	must(t, err)
	pkcs1 := x509.MarshalPKCS1PrivateKey(rsa)
	ofEC := string(encodeCertificates([]*x509.Certificate{a.leaf(ec, []string{"a.example"}, nil), a.root}))
	ofRSA := string(encodeCertificates([]*x509.Certificate{a.leaf(rsa, []string{"a.example"}, nil), a.root}))
	for name, text := range map[string]string{
		"PKCS #8":                    ofEC + encodeKey(t, ec),
		"PKCS #8 first, a comment":   "the site's\n" + encodeKey(t, ec) + ofEC,
		"SEC 1, with parameters":     ofEC + "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})),
		"PKCS #1, ends in CR and LF": strings.ReplaceAll(ofRSA+string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: pkcs1})), "\n", "\r\n"),
	} {
		file := filepath.Join(directory, regexp.MustCompile(`\W`).ReplaceAllString(name, ""))
		writeFile(t, file, text)
		read, err := readFiles(&config.HTTPS{Certificates: []config.Certificate{{File: file, Key: file}}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if list, err := newPairs(read.pairs); err != nil || len(list[0].Certificate) != 2 {
			t.Errorf("%s: %v, chain of %d", name, err, len(read.chains[0]))
		}
	}
}

// Whatever is in a file, the parsers end with certificates and keys that can be written and read again, or an error.
func FuzzParsePEM(f *testing.F) {
	a, key := newAuthorityForTests(f), newECKey(f)
	f.Add([]byte(string(encodeCertificates([]*x509.Certificate{a.root})) + encodeKey(f, key)))
	f.Add(a.root.Raw)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		certificates, err := parseCertificates(text, "file")
		if err == nil {
			again, err := parseCertificates(encodeCertificates(certificates), "file")
			if err != nil || len(again) != len(certificates) || !bytes.Equal(again[0].Raw, certificates[0].Raw) {
				t.Errorf("%v: %d certificates became %d", err, len(certificates), len(again))
			}
		}
		if block, key, err := parseKey(text, "file"); err == nil && (block == nil || key.Public() == nil) {
			t.Error("a key without a public key")
		}
	})
}
