package tls

import (
	crypto "crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gild/config"
	"gild/logs"
)

// Files that are replaced are used for new handshakes, without anything being restarted.
func TestKeeperChangedFiles(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	c := a.files(directory, "site", key, a.leaf(key, []string{"old.example"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}})
	s.run()
	s.manager.Start()
	address := serve(t, s.manager.TCP())
	if names := subject(address, ""); names[0] != "old.example" {
		t.Fatalf("the certificate is for %v", names)
	}

	key = newECKey(t)
	a.files(directory, "site", key, a.leaf(key, []string{"new.example"}, nil))
	eventually(t, "the new certificate", func() bool { return subject(address, "")[0] == "new.example" })
	if lines := s.log.all(logs.Error); len(lines) > 0 {
		t.Errorf("an update is no reason to complain: %q", lines)
	}
}

// A link that is pointed elsewhere is a change, too: certbot and Kubernetes replace files that way.
func TestKeeperSwappedLink(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	for _, name := range []string{"one", "two"} {
		must(t, os.Mkdir(filepath.Join(directory, name), 0o700))
		a.files(filepath.Join(directory, name), "site", key, a.leaf(key, []string{name + ".example"}, nil))
	}
	link := filepath.Join(directory, "live")
	must(t, os.Symlink("one", link))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{{File: link + "/site.crt", Key: link + "/site.key"}}})
	s.run()
	s.manager.Start()
	address := serve(t, s.manager.TCP())

	must(t, os.Symlink("two", link+".new"))
	must(t, os.Rename(link+".new", link))
	eventually(t, "the other certificate", func() bool { return subject(address, "")[0] == "two.example" })
}

// A bad new pair is logged once and the old one stays; the next good one is used.
func TestKeeperBadFiles(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	c := a.files(directory, "site", key, a.leaf(key, []string{"good.example"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}})
	s.run()
	s.manager.Start()
	address := serve(t, s.manager.TCP())

	writeFile(t, c.Key, encodeKey(t, newECKey(t)))
	eventually(t, "the complaint", func() bool { return s.log.count("those from before stay in use") == 1 })
	if names := subject(address, ""); names[0] != "good.example" {
		t.Errorf("the certificate is for %v", names)
	}
	must(t, os.Remove(c.Key))
	eventually(t, "the next complaint", func() bool { return s.log.count("no such file") == 1 })

	key = newECKey(t)
	a.files(directory, "site", key, a.leaf(key, []string{"better.example"}, nil))
	eventually(t, "the better certificate", func() bool { return subject(address, "")[0] == "better.example" })
	if n := s.log.count("stay in use"); n != 2 {
		t.Errorf("%d complaints about two states of the files", n)
	}
}

// The first look at files of which one is still to come says nothing.
func TestVaultHalfReplaced(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	c := a.files(directory, "site", key, a.leaf(key, []string{"old.example"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}})
	key = newECKey(t)
	writeFile(t, c.File, string(encodeCertificates(append(s.vault.files.chains[0][:0:0], a.leaf(key, []string{"new.example"}, nil)))))
	s.keeper.look(time.Now())
	writeFile(t, c.Key, encodeKey(t, key))
	s.keeper.look(time.Now())
	must(t, s.manager.update())
	if lines := s.log.all(logs.Warn); len(lines) > 0 {
		t.Errorf("complained about files in the middle of their replacement: %q", lines)
	}
	if names := subject(serve(t, s.manager.TCP()), ""); names[0] != "new.example" {
		t.Errorf("the certificate is for %v", names)
	}
}

// A session is resumed by another process, by one of a later generation, and after the ticket key has changed, but not
// by another server.
func TestKeeperTickets(t *testing.T) {
	a, directory, key := newAuthorityForTests(t), t.TempDir(), newECKey(t)
	h := &config.HTTPS{Certificates: []config.Certificate{a.files(directory, "site", key, a.leaf(key, []string{"a.example"}, nil))}}
	s := newSite(t, h)
	for _, version := range []uint16{crypto.VersionTLS12, crypto.VersionTLS13} {
		client := &crypto.Config{ServerName: "a.example", RootCAs: a.pool(), ClientSessionCache: crypto.NewLRUClientSessionCache(10), MaxVersion: version}
		greets := func(m *Manager) string {
			_, text, err := visit(serve(t, m.TCP()), client)
			must(t, err)
			return text
		}
		greets(s.manager)
		if text := greets(s.process(settings{}, nil)); !strings.Contains(text, "resumed=true") {
			t.Errorf("another process: %s", text)
		}
		s.keeper.look(time.Now().Add(ticketPeriod))
		later := &site{t: t, log: s.log, config: s.config, keeper: s.keeper}
		later.vault = later.open(s.keeper)
		if text := greets(later.process(settings{}, nil)); !strings.Contains(text, "resumed=true") {
			t.Errorf("a later generation, a day later: %s", text)
		}
		if text := greets(newSite(t, h).manager); !strings.Contains(text, "resumed=false") {
			t.Errorf("another server: %s", text)
		}
	}
}

// Keys are forgotten after a week.
func TestKeeperForgets(t *testing.T) {
	k := NewKeeper(newDiary(t))
	first := k.tickets[0]
	for day := 1; day < ticketKeys; day++ {
		k.look(k.drawn.Add(ticketPeriod))
	}
	if len(k.tickets) != ticketKeys || k.tickets[ticketKeys-1] != first {
		t.Errorf("%d keys, and the first one is not the last", len(k.tickets))
	}
	k.look(k.drawn.Add(ticketPeriod))
	if len(k.tickets) != ticketKeys || k.tickets[ticketKeys-1] == first {
		t.Errorf("%d keys, the oldest has been kept", len(k.tickets))
	}
}

// What the processes get cannot be written to, and its mode keeps them from getting at it in another way.
func TestVaultIsForReading(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{a.files(t.TempDir(), "site", key, a.leaf(key, []string{"a.example"}, nil))}})
	if _, err := s.vault.File().WriteAt([]byte("x"), 0); err == nil {
		t.Error("a process can write into the vault")
	}
	if err := s.vault.File().Truncate(0); err == nil {
		t.Error("a process can empty the vault")
	}
	var stat unix.Stat_t
	must(t, unix.Fstat(int(s.vault.File().Fd()), &stat))
	if stat.Mode&0o777 != 0o600 {
		t.Errorf("the mode is %o", stat.Mode&0o777)
	}
}

// All processes of a supervisor agree on the keys of QUIC.
func TestManagerSecrets(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	h := &config.HTTPS{Certificates: []config.Certificate{a.files(t.TempDir(), "site", key, a.leaf(key, []string{"a.example"}, nil))}}
	s := newSite(t, h)
	reset, token := s.manager.Secrets()
	reset2, token2 := s.process(settings{}, nil).Secrets()
	if reset != reset2 || token != token2 || reset == token || reset == [32]byte{} {
		t.Error("two processes have different secrets, or none")
	}
	if other, _ := newSite(t, h).manager.Secrets(); other == reset {
		t.Error("two supervisors have the same secrets")
	}
}
