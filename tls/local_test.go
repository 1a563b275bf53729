package tls

import (
	"context"
	crypto "crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gild/config"
	"gild/logs"
)

// newLocalSite is a site that has nothing but local names.
func newLocalSite(t *testing.T, storage string, names ...string) (*site, string) {
	t.Helper()
	s := newSite(t, &config.HTTPS{Automatic: &config.Automatic{LocalNames: names, Storage: storage}})
	s.manager.Start()
	return s, serve(t, s.manager.TCP())
}

// rootOf is what a client is told to trust.
func rootOf(t *testing.T, storage string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile((&config.Automatic{Storage: storage}).LocalRoot())
	must(t, err)
	return newPool(text)
}

// The first handshake already has a certificate for localhost and addresses, which a client trusts that has root.crt.
func TestLocal(t *testing.T) {
	storage := t.TempDir()
	s, address := newLocalSite(t, storage, "localhost", "app.localhost", "127.0.0.1", "::1")
	for _, host := range []string{"localhost", "app.localhost", "", "unknown.example"} {
		if names := strings.Join(subject(address, host), " "); names != "127.0.0.1 ::1 app.localhost localhost" {
			t.Fatalf("%q has a certificate for %q", host, names)
		}
	}
	for _, host := range []string{"localhost", "app.localhost", "127.0.0.1", "::1"} {
		if _, _, err := visit(address, &crypto.Config{ServerName: host, RootCAs: rootOf(t, storage)}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for name, want := range map[string]os.FileMode{"root.crt": 0o644, "root.key": 0o600, "": 0o755} {
		if info, err := os.Stat(filepath.Join(storage, "local", name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("local/%s: %v, %v", name, info.Mode(), err)
		}
	}
	if n := s.log.count("root.crt (curl --cacert)"); n != 1 {
		t.Errorf("%d hints", n)
	}
	if lines := s.log.all(logs.Warn); len(lines) > 0 {
		t.Errorf("complaints: %q", lines)
	}
}

// The next start uses the same root and certificate. If somebody deletes the root, there is a new one, and a certificate of it.
func TestLocalAgain(t *testing.T) {
	storage := t.TempDir()
	certificate := func() *x509.Certificate {
		_, address := newLocalSite(t, storage, "localhost")
		state, _, err := visit(address, &crypto.Config{ServerName: "localhost", InsecureSkipVerify: true})
		must(t, err)
		if _, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: rootOf(t, storage)}); err != nil {
			t.Error(err)
		}
		return state.PeerCertificates[0]
	}
	first := certificate()
	if !certificate().Equal(first) {
		t.Error("another certificate without a reason")
	}
	must(t, os.Remove(filepath.Join(storage, "local", "root.crt")))
	if certificate().Equal(first) {
		t.Error("a certificate whose root is gone is still in use")
	}
}

// Several processes that start together agree on one root and one certificate.
func TestLocalShared(t *testing.T) {
	s, address := newLocalSite(t, t.TempDir(), "localhost")
	other := s.process(settings{patience: 30 * time.Second}, nil)
	other.Start()
	for _, a := range []string{address, serve(t, other.TCP())} {
		if names := subject(a, "localhost"); !slices.Equal(names, []string{"localhost"}) {
			t.Errorf("a process has a certificate for %q", names)
		}
	}
	if n := s.log.count("got a certificate"); n != 1 {
		t.Errorf("%d certificates", n)
	}
}

// Whoever steals the key of the root can sign for no name of the internet.
func TestLocalNameConstraint(t *testing.T) {
	storage := t.TempDir()
	_, address := newLocalSite(t, storage, "localhost")
	subject(address, "localhost") // the root is there
	text, err := os.ReadFile(filepath.Join(storage, "local", "root.key"))
	must(t, err)
	_, key, err := parseKey(text, "")
	must(t, err)
	l := &localAuthority{directory: filepath.Join(storage, "local"), public: filepath.Join(storage, "local", "root.crt")}
	for name, good := range map[string]bool{"localhost": true, "www.example.com": false} {
		_, leaf, err := l.issue(context.Background(), key.Public(), []string{name})
		must(t, err)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: rootOf(t, storage)}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStorageErrors: what is said about a directory that cannot be used, by a process that is not root.
func TestStorageErrors(t *testing.T) {
	top, err := os.MkdirTemp("", "gild-storage")
	must(t, err)
	defer os.RemoveAll(top)
	must(t, os.Chmod(top, 0o755))
	foreign := filepath.Join(top, "foreign")
	must(t, os.MkdirAll(filepath.Join(foreign, "certificates"), 0o777))
	must(t, os.Chmod(foreign, 0o777))
	writeFile(t, filepath.Join(foreign, "account.json"), "{}")
	must(t, os.Chmod(filepath.Join(foreign, "account.json"), 0))
	readOnly := filepath.Join(top, "read-only")
	must(t, os.Mkdir(readOnly, 0o555))
	fine := filepath.Join(top, "fine")
	must(t, os.Mkdir(fine, 0o777))
	must(t, os.Chmod(fine, 0o777))
	for directory, want := range map[string]string{
		filepath.Join(top, "missing"):          "missing: no such file or directory",
		filepath.Join(foreign, "account.json"): "account.json: permission denied",
		foreign:                                "permission denied",
		readOnly:                               "read-only: permission denied",
		fine:                                   "",
	} {
		err := asNobody(func() error { return checkStorage(hoard{path: directory, name: directory}, "www-data") })
		if want == "" {
			must(t, err)
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "chown -R www-data "+directory) {
			t.Errorf("%s: %v", directory, err)
		}
	}
}

// asNobody calls f on a thread without privileges, which ends then.
func asNobody(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		if os.Geteuid() == 0 {
			const nobody = 65534
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
				result <- errno
				return
			}
		}
		result <- f()
	}()
	return <-result
}

// TestOpenStorageMissing: a site whose storage is of no use starts, says so, and gets its certificate when it is repaired.
func TestOpenStorageMissing(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "blocked")
	writeFile(t, blocked, "a file where the directory should be")
	s := newSite(t, &config.HTTPS{Automatic: &config.Automatic{LocalNames: []string{"localhost"}, Storage: filepath.Join(blocked, "certificates")}})
	m := s.process(settings{retry: func(int) time.Duration { return 10 * time.Millisecond }, patience: time.Millisecond}, nil)
	m.Start()
	address := serve(t, m.TCP())
	if names := subject(address, "localhost"); names != nil || s.log.count("--certificate-directory") == 0 {
		t.Errorf("a certificate for %q; the log has %q", names, s.log.all(logs.Error))
	}
	must(t, os.Remove(blocked))
	eventually(t, "a certificate", func() bool { return subject(address, "localhost") != nil })
}
