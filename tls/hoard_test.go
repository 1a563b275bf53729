package tls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gild/config"
	"gild/logs"
)

// openHoard is a manager that has its storage by descriptor, as the process that moved the directory to where nobody finds it.
func openHoard(t *testing.T, prepare func(directory string)) (*Manager, *diary, *config.Automatic) {
	t.Helper()
	automatic := &config.Automatic{LocalNames: []string{"localhost"}, Storage: t.TempDir()}
	s := newSite(t, &config.HTTPS{Automatic: automatic})
	secret := t.TempDir()
	prepare(secret)
	directory, err := os.Open(secret)
	must(t, err)
	t.Cleanup(func() { directory.Close() })
	moved := secret + "-moved"
	must(t, os.Rename(secret, moved))
	t.Cleanup(func() { os.RemoveAll(moved) })
	log := newDiary(t)
	m, err := open(Options{Config: s.config, Vault: s.vault.File(), Log: log, Storage: directory},
		settings{patience: time.Millisecond, retry: func(int) time.Duration { return time.Hour }})
	must(t, err)
	t.Cleanup(m.Close)
	m.Start()
	return m, log, automatic
}

// TestHoard keeps everything in a directory that is reached by its descriptor, but the root that clients need.
func TestHoard(t *testing.T) {
	m, log, automatic := openHoard(t, func(string) {})
	address := serve(t, m.TCP())
	eventually(t, "a certificate", func() bool { return subject(address, "localhost") != nil })
	rootOf(t, automatic.Storage)
	for path, want := range map[string]bool{"local/root.crt": true, "local/root.key": false, "certificates": false} {
		if _, err := os.Stat(filepath.Join(automatic.Storage, path)); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"local/root.key", "certificates/local/localhost/localhost.key"} {
		if _, err := os.Stat(filepath.Join(m.automatic.hoard.path, path)); err != nil {
			t.Error(err)
		}
	}
	if lines := log.all(logs.Warn); len(lines) > 0 {
		t.Errorf("complaints: %q", lines)
	}
	// What clients need is there again after another process has removed it, even if that left a trap.
	must(t, os.Remove(automatic.LocalRoot()))
	must(t, os.Symlink("/dev/null", automatic.LocalRoot()))
	m.automatic.local.publish()
	rootOf(t, automatic.Storage)
}

// TestHoardErrors: what goes wrong there is told with names by which people find it.
func TestHoardErrors(t *testing.T) {
	m, log, automatic := openHoard(t, func(directory string) { writeFile(t, filepath.Join(directory, "certificates"), "in the way") })
	name := automatic.PrivateStorage() + "/certificates"
	eventually(t, "complaint", func() bool { return log.count(name) > 0 })
	eventually(t, "status", func() bool { return strings.Contains(m.Status()[0].Error, name) })
	if n := log.count("/proc/"); n > 0 {
		t.Errorf("%q", log.all(logs.Trace8))
	}
}
