package tls

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gild/config"
)

// Certificates from files are described by what they say, and by where they come from.
func TestStatusFiles(t *testing.T) {
	dir, a := t.TempDir(), newAuthorityForTests(t)
	keys := []struct {
		stub, want string
		leaf       *x509.Certificate
	}{
		{stub: "rsa", want: "RSA 2048"}, {stub: "ec", want: "ECDSA P-256"},
	}
	rsaKey, ecKey := newRSAKey(t), newECKey(t)
	names := []string{"www.example.com", "*.example.com"}
	keys[0].leaf, keys[1].leaf = a.leaf(rsaKey, names, nil), a.leaf(ecKey, names, nil)
	h := &config.HTTPS{Certificates: []config.Certificate{a.files(dir, "rsa", rsaKey, keys[0].leaf), a.files(dir, "ec", ecKey, keys[1].leaf)}}
	all := newSite(t, h).manager.Status()
	for i, k := range keys {
		want := Certificate{Names: names, Source: "file " + dir + "/" + k.stub + ".crt", Subject: "CN=www.example.com",
			Issuer: "CN=Test Authority", Key: k.want, NotBefore: k.leaf.NotBefore, NotAfter: k.leaf.NotAfter}
		if len(all) != len(keys) || !reflect.DeepEqual(all[i], want) {
			t.Errorf("%d certificates: %+v\nwant %d: %+v", len(all), all, i, want)
		}
	}
}

// Files that have changed and are no good are a fault of all certificates until they are mended.
func TestStatusBadFiles(t *testing.T) {
	dir, a, key := t.TempDir(), newAuthorityForTests(t), newECKey(t)
	c := a.files(dir, "site", key, a.leaf(key, []string{"a.test"}, nil))
	s := newSite(t, &config.HTTPS{Certificates: []config.Certificate{c}})
	s.run()
	s.manager.Start()
	good := s.manager.Status()[0]
	for _, text := range []string{"nonsense", encodeKey(t, newECKey(t))} {
		before := s.manager.Status()[0].Tried
		writeFile(t, c.Key, text)
		eventually(t, "an error", func() bool { return s.manager.Status()[0].Tried.After(before) })
	}
	if bad := s.manager.Status()[0]; !strings.Contains(bad.Error, "is not that of the certificate") || !bad.Since.Before(bad.Tried) || bad.NotAfter != good.NotAfter {
		t.Errorf("with a wrong key: %+v", bad)
	}
	writeFile(t, c.Key, encodeKey(t, key)+"\n")
	eventually(t, "the end of the error", func() bool { return reflect.DeepEqual(s.manager.Status()[0], good) })
}

// A certificate that is wanted is listed before it is there, and described when it is.
func TestStatusLocal(t *testing.T) {
	names := []string{"localhost", "127.0.0.1", "::1"}
	s := newSite(t, &config.HTTPS{Automatic: &config.Automatic{LocalNames: names, Storage: t.TempDir()}})
	before := s.manager.Status()
	if len(before) != 1 || !slices.Equal(before[0].Missing, names) || before[0].Since.IsZero() || before[0].Error != "" || !before[0].NotAfter.IsZero() {
		t.Errorf("before: %+v", before)
	}
	s.manager.Start()
	var c Certificate
	eventually(t, "the certificate", func() bool { c = s.manager.Status()[0]; return c.Key != "" })
	if !slices.Equal(c.Names, names) || c.Missing != nil || c.Source != "gild itself" || c.Key != "ECDSA P-256" || !c.Since.IsZero() ||
		!strings.HasPrefix(c.Issuer, "CN=gild local authority on ") || !c.NotAfter.After(time.Now()) {
		t.Errorf("after: %+v", c)
	}
}

// What an authority that is away leads to is said until it has issued the certificate.
func TestStatusAuthorityAway(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.status.test", "status.test"}, pebbleConfig{}, settings{}, nil)
	a.manager.Start()
	var c Certificate
	eventually(t, "an error", func() bool { c = a.manager.Status()[0]; return !c.Next.IsZero() })
	if !strings.Contains(c.Error, "the authority cannot be reached") || len(c.Missing) != 2 || c.Since.After(c.Tried) || c.Source != strings.TrimPrefix(strings.TrimSuffix(a.pebble.directory, "/dir"), "https://") {
		t.Errorf("without an authority: %+v", c)
	}
	a.pebble.start()
	eventually(t, "the certificate", func() bool { c = a.manager.Status()[0]; return len(c.Missing) == 0 })
	if c.Error != "" || !c.Since.IsZero() || !c.Next.IsZero() || !strings.Contains(c.Issuer, "Pebble") {
		t.Errorf("with one: %+v", c)
	}
}

// Names on demand are listed when they have a certificate, or were to have one; those that are refused are not.
func TestStatusOnDemand(t *testing.T) {
	t.Parallel()
	permit := func(_ context.Context, name string) error {
		if strings.HasPrefix(name, "refused.") {
			return errors.New("no")
		}
		return nil
	}
	a := newAutomaticSite(t, []string{"www.shop.test"}, pebbleConfig{}, settings{}, permit)
	a.pebble.start()
	a.names("one.shop.test")
	a.away.Store(true)
	a.names("two.shop.test")
	a.names("refused.shop.test")
	all := a.manager.Status()[1:]
	if len(all) != 2 || !all[0].OnDemand || !all[1].OnDemand {
		t.Fatalf("%+v", all)
	}
	if c := all[0]; c.Names[0] != "two.shop.test" || c.Error == "" || !c.Next.After(c.Tried) || len(c.Missing) != 1 {
		t.Errorf("one that fails: %+v", c)
	}
	if c := all[1]; c.Names[0] != "one.shop.test" || c.Error != "" || c.NotAfter.IsZero() || c.Missing != nil {
		t.Errorf("one that is served: %+v", c)
	}
}

// A name on demand that nobody has asked for since long ago is not wanted any more.
func TestStatusDemandForgets(t *testing.T) {
	s := newSite(t, &config.HTTPS{Automatic: &config.Automatic{LocalNames: []string{"localhost"}, Storage: t.TempDir()}})
	m := s.process(settings{}, func(context.Context, string) error { return nil })
	l := &m.automatic.ledger
	for name, age := range map[string]time.Duration{"old.example.com": longRest + time.Minute, "new.example.com": time.Minute} {
		l.demand(name)
		l.failed(name, "failed", nil, time.Now().Add(-age))
	}
	if all := m.Status(); len(all) != 2 || all[1].Names[0] != "new.example.com" {
		t.Errorf("%+v", all)
	}
	if names := l.demanded(); len(names) != 1 {
		t.Errorf("still known: %q", names)
	}
}

// Trouble begins with the first of several failures, and is over when there is another certificate.
func TestLedgerTrouble(t *testing.T) {
	a, key := newAuthorityForTests(t), newECKey(t)
	former, next := a.leaf(key, []string{"a.test"}, nil), a.leaf(key, []string{"a.test"}, nil)
	var l ledger
	begin := time.Now()
	l.failed("a.test", "first", former, begin)
	l.again("a.test", begin.Add(time.Minute))
	l.again("b.test", begin)
	l.failed("a.test", "second", former, begin.Add(time.Hour))
	if got, ok := l.trouble("a.test", former); !ok || got.since != begin || got.last != begin.Add(time.Hour) || got.reason != "second" || !got.next.IsZero() {
		t.Errorf("%+v, %t", got, ok)
	}
	if got, ok := l.trouble("a.test", next); ok {
		t.Errorf("it is not over: %+v", got)
	}
	l.failed("a.test", "third", next, begin.Add(2*time.Hour))
	if got, _ := l.trouble("a.test", next); got.since != begin.Add(2*time.Hour) {
		t.Errorf("trouble since %v", got.since)
	}
}

// The ledger does not grow with the names that clients think of.
func TestLedgerBounds(t *testing.T) {
	var l ledger
	for i := range maxDemanded + 10 {
		name := fmt.Sprintf("n%d.example.com", i)
		l.demand(name)
		l.failed(name, "failed", nil, time.Now())
	}
	if names := l.demanded(); len(names) > maxDemanded || len(l.troubles) > maxDemanded {
		t.Errorf("%d names, %d troubles", len(names), len(l.troubles))
	}
}

// Authorities and keys go by the names that people know.
func TestStatusNames(t *testing.T) {
	for directory, want := range map[string]string{
		"https://acme-v02.api.letsencrypt.org/directory":         "Let's Encrypt",
		"https://acme-staging-v02.api.letsencrypt.org/directory": "Let's Encrypt (staging)",
		"https://ca.example.com:9000/acme/acme/directory":        "ca.example.com:9000",
		"nonsense": "nonsense",
	} {
		if got := authorityName(directory); got != want {
			t.Errorf("%s is %q, want %q", directory, got, want)
		}
	}
	public, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	if got := keyType(public); got != "Ed25519" {
		t.Errorf("an Ed25519 key is %q", got)
	}
	if names := namesOf(&x509.Certificate{}); len(names) != 1 {
		t.Errorf("a certificate without names has %q", names)
	}
}
