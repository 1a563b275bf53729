package tls

import (
	"context"
	crypto "crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"gild/config"
	"gild/logs"
)

// uniqueName is for tests that renew: certmagic keeps one schedule of renewals for all of a process.
func uniqueName() string { return fmt.Sprintf("www-%x.example.test", rand.Uint32()) }

// automaticSite is a site whose certificates are obtained from a Pebble, with its two listeners. Whichever of its processes
// is current answers, as one of several that accept from the same sockets.
type automaticSite struct {
	*site
	pebble    *pebble
	current   atomic.Pointer[Manager]
	away      atomic.Bool // another server answers at the HTTP port
	https     string      // address
	automatic *config.Automatic
	quick     settings
}

// newAutomaticSite opens a site for names. The authority is not there yet.
func newAutomaticSite(t *testing.T, names []string, c pebbleConfig, s settings, permit func(context.Context, string) error) *automaticSite {
	t.Helper()
	tool(t, "pebble")
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	a := &automaticSite{pebble: newPebble(t, portOf(plain), portOf(secure), c), https: secure.Addr().String()}
	a.automatic = &config.Automatic{Names: names, Directory: a.pebble.directory, CARoot: a.pebble.authorities, Storage: t.TempDir(), Email: "admin@example.com"}
	if s.retry == nil {
		s.retry = func(int) time.Duration { return 50 * time.Millisecond }
	}
	s.patience = 18 * time.Second // with a machine that is busy, a little less than that of visit
	a.quick = s
	a.site = &site{t: t, log: newDiary(t), config: &config.Config{HTTPS: &config.HTTPS{Automatic: a.automatic}, User: "nobody"}}
	a.keeper = NewKeeper(a.log)
	a.vault = a.open(a.keeper)
	a.manager = a.process(s, permit)
	a.current.Store(a.manager)
	a.listen(plain, secure)
	return a
}

func (a *automaticSite) listen(plain, secure net.Listener) {
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.away.Load() || !a.current.Load().Challenge(w, r) {
			http.NotFound(w, r)
		}
	})}
	var done sync.WaitGroup
	done.Go(func() { server.Serve(plain) })
	a.t.Cleanup(func() { server.Close(); done.Wait() })
	serveOn(a.t, secure, &crypto.Config{GetConfigForClient: func(hello *crypto.ClientHelloInfo) (*crypto.Config, error) {
		if a.away.Load() && isProof(hello) {
			return nil, errors.New("another server answers")
		}
		return a.current.Load().TCP().GetConfigForClient(hello)
	}})
}

// next is another process of the site; it answers from now on.
func (a *automaticSite) next() *Manager {
	m := a.process(a.quick, nil)
	a.current.Store(m)
	return m
}

// names are those of the certificate for host; none if there is no certificate.
func (a *automaticSite) names(host string) string { return strings.Join(subject(a.https, host), " ") }

// A certificate for all names arrives, by either kind of proof, and a client of the authority trusts it.
func TestAutomaticIssue(t *testing.T) {
	for _, kind := range []string{acme.ChallengeTypeHTTP01, acme.ChallengeTypeTLSALPN01} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			names := []string{"www.example.test", "example.test", "alias.example.test"}
			a := newAutomaticSite(t, names, pebbleConfig{}, settings{challenges: []string{kind}}, nil)
			a.pebble.start()
			if got := a.names("www.example.test"); got != "" {
				t.Errorf("a certificate for %q before it was ordered", got)
			}
			a.manager.Start()
			eventually(t, "the certificate", func() bool { return a.names("www.example.test") != "" })
			for _, host := range append(names, "", "unknown.example.test") {
				if got := a.names(host); got != "alias.example.test example.test www.example.test" {
					t.Errorf("%q has a certificate for %q", host, got)
				}
			}
			client := &crypto.Config{ServerName: "alias.example.test", RootCAs: a.pebble.roots(), NextProtos: []string{"h2"}}
			if _, _, err := visit(a.https, client); err != nil {
				t.Error(err)
			}
			if n := a.pebble.issued(); n != 1 {
				t.Errorf("%d certificates have been issued", n)
			}
			if lines := a.log.all(logs.Warn); len(lines) > 0 {
				t.Errorf("complaints: %q", lines)
			}
			a.checkRenewalInfo()
		})
	}
}

// checkRenewalInfo sees that what the authority said about the renewal is kept with the certificate.
func (a *automaticSite) checkRenewalInfo() {
	a.t.Helper()
	c := a.manager.automatic.cache.AllMatchingCertificates("www.example.test")[0]
	info, err := (&acmeIssuer{a.manager.automatic}).GetRenewalInfo(context.Background(), c)
	if err != nil || !info.HasWindow() {
		a.t.Errorf("no renewal information: %v", err)
	}
}

// The next start uses what is there, as do other processes that start together: there is one order.
func TestAutomaticShared(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.shared.test", "shared.test"}, pebbleConfig{}, settings{}, nil)
	a.pebble.start()
	others := []*Manager{a.process(a.quick, nil), a.process(a.quick, nil), a.manager}
	for _, m := range others {
		m.Start()
	}
	for i, m := range others {
		a.current.Store(m)
		eventually(t, fmt.Sprintf("the certificate of process %d", i), func() bool { return a.names("shared.test") != "" })
	}
	a.next().Start()
	eventually(t, "the certificate of the next process", func() bool { return a.names("shared.test") != "" })
	if n := a.pebble.orders(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// A set of names that has changed gets another certificate; until it is there, the former one is served. The process
// that serves the former set keeps its own.
func TestAutomaticAddedAlias(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.alias.test"}, pebbleConfig{}, settings{}, nil)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "the certificate", func() bool { return a.names("www.alias.test") != "" })

	a.away.Store(true)
	a.automatic.Names = []string{"www.alias.test", "new.alias.test"}
	a.next().Start()
	eventually(t, "the former certificate", func() bool { return a.names("www.alias.test") == "www.alias.test" })
	eventually(t, "a failure", func() bool { return a.log.count("cannot get a certificate for www.alias.test, new.alias.test") > 0 })
	if got := a.names("new.alias.test"); got != "" {
		t.Errorf("a certificate for %q serves a name that it is not for", got)
	}
	a.away.Store(false)
	eventually(t, "the new certificate", func() bool { return a.names("new.alias.test") == "new.alias.test www.alias.test" })
	eventually(t, "the former one to go", func() bool { return a.names("www.alias.test") == "new.alias.test www.alias.test" })
	if names := a.manager.automatic.groups[0].names; len(names) != 1 {
		t.Errorf("the process before knows %q", names)
	}
	if n := a.pebble.issued(); n != 2 {
		t.Errorf("%d certificates have been issued", n)
	}
}

// An authority that is away when gild starts is asked again, and everything works as soon as it is there.
func TestAutomaticAuthorityAway(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.away.test"}, pebbleConfig{}, settings{}, nil)
	a.manager.Start()
	eventually(t, "a complaint", func() bool { return a.log.count("the authority cannot be reached") > 0 })
	if _, _, err := visit(a.https, &crypto.Config{ServerName: "www.away.test", InsecureSkipVerify: true}); err == nil {
		t.Error("a handshake without a certificate")
	}
	a.pebble.start()
	eventually(t, "the certificate", func() bool { return a.names("www.away.test") != "" })
}

// If another server answers for the name, gild says so, and tries again at intervals.
func TestAutomaticWrongServer(t *testing.T) {
	t.Parallel()
	var failures []int
	var mu sync.Mutex
	a := newAutomaticSite(t, []string{"www.wrong.test"}, pebbleConfig{}, settings{retry: func(n int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		failures = append(failures, n)
		return 50 * time.Millisecond
	}}, nil)
	a.away.Store(true)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "two complaints", func() bool { return a.log.count("another server answers") >= 2 })
	a.away.Store(false)
	eventually(t, "the certificate", func() bool { return a.names("www.wrong.test") != "" })
	mu.Lock()
	defer mu.Unlock()
	for i, n := range failures {
		if i != n {
			t.Errorf("failures are counted as %v", failures)
		}
	}
}

// A certificate is renewed before it ends, and handshakes never see one that has ended.
func TestAutomaticRenewal(t *testing.T) {
	t.Parallel()
	host := uniqueName()
	a := newAutomaticSite(t, []string{host, "also." + host}, pebbleConfig{validity: 10 * time.Second},
		settings{renewal: 300 * time.Millisecond, window: 0.7, rest: time.Millisecond}, nil)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "the certificate", func() bool { return a.names(host) != "" })
	client := &crypto.Config{ServerName: "also." + host, RootCAs: a.pebble.roots()}
	serials := map[string]bool{}
	eventually(t, "two renewals", func() bool {
		state, _, err := visit(a.https, client)
		must(t, err)
		serials[serial(state.PeerCertificates[0])] = true
		return len(serials) >= 3
	})
	if got := a.names(host); got != "also."+host+" "+host {
		t.Errorf("the renewed certificate is for %q", got)
	}
	if !strings.Contains(a.pebble.said.String(), "is a replacement of") {
		t.Error("the authority was not told that a certificate is replaced")
	}
	if sites, _ := os.ReadDir(filepath.Join(a.automatic.Storage, "certificates", safe(a.manager.automatic.authority.key))); len(sites) != 1 {
		t.Errorf("certificates of %d sites are kept", len(sites))
	}
}

// A renewal that fails is complained about, and the certificate from before goes on being served, by the next process, too.
func TestAutomaticRenewalFails(t *testing.T) {
	t.Parallel()
	host := uniqueName()
	a := newAutomaticSite(t, []string{host}, pebbleConfig{validity: 60 * time.Second},
		settings{renewal: 100 * time.Millisecond, window: 0.98, rest: time.Millisecond}, nil)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "the certificate", func() bool { return a.names(host) != "" })
	a.away.Store(true)
	eventually(t, "a complaint", func() bool { return a.log.count("the certificate from before stays in use") > 0 })
	if _, _, err := visit(a.https, &crypto.Config{ServerName: host, RootCAs: a.pebble.roots()}); err != nil {
		t.Error(err)
	}

	a.next().Start()
	eventually(t, "the certificate of the next process", func() bool { return a.names(host) == host })
	eventually(t, "its complaint", func() bool { return a.log.count("; gild tries again in") > 0 })
}

// A clock that is wrong is found before anything is ordered.
func TestAutomaticClockWrong(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.clock.test"}, pebbleConfig{}, settings{now: func() time.Time { return time.Now().Add(-48 * time.Hour) }}, nil)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "a complaint", func() bool { return a.log.count("the clock of this machine says") > 0 })
	if n := a.pebble.orders(); n != 0 {
		t.Errorf("%d orders", n)
	}
}

// A certificate that has ended when it arrives is not ordered again and again.
func TestAutomaticExpiredOnArrival(t *testing.T) {
	t.Parallel()
	host := uniqueName()
	a := newAutomaticSite(t, []string{host}, pebbleConfig{validity: time.Second}, settings{renewal: 50 * time.Millisecond}, nil)
	a.pebble.start()
	a.manager.Start()
	eventually(t, "gild to hold back", func() bool { return a.log.count("another would hardly be better") > 0 })
	if n := a.pebble.orders(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// A further name gets a certificate if the site permits it; whoever asks for another one gets an alert, and the site is
// asked once, however many handshakes there are.
func TestAutomaticOnDemand(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	permit := func(_ context.Context, name string) error {
		mu.Lock()
		defer mu.Unlock()
		asked[name]++
		if !strings.HasSuffix(name, ".customers.test") {
			return errors.New("is no customer of ours")
		}
		return nil
	}
	a := newAutomaticSite(t, []string{"www.example.test"}, pebbleConfig{}, settings{}, permit)
	a.pebble.start()
	a.manager.Start()
	if got := a.names("one.customers.test"); got != "one.customers.test" {
		t.Errorf("a permitted name has a certificate for %q", got)
	}
	var crowd sync.WaitGroup
	for range 20 {
		crowd.Go(func() {
			_, _, err := visit(a.https, &crypto.Config{ServerName: "other.test", InsecureSkipVerify: true})
			if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
				t.Errorf("a name that is not permitted: %v", err)
			}
		})
	}
	crowd.Wait()
	if n := a.log.count(`Handshake for "other.test" refused: `); n != 20 {
		t.Errorf("%d refusals are in the log", n)
	}
	for _, host := range []string{"localhost", "nodots", "192.0.2.1"} {
		if _, _, err := visit(a.https, &crypto.Config{ServerName: host, InsecureSkipVerify: true}); host != "192.0.2.1" && err == nil {
			t.Errorf("%s has a certificate", host)
		}
	}
	eventually(t, "the site's own certificate", func() bool { return a.names("www.example.test") == "www.example.test" })
	for host, want := range map[string]bool{"one.customers.test": true, "two.customers.test": true, "other.test": false, "nodots": false} {
		if got := a.manager.Permitted(context.Background(), host); got != want {
			t.Errorf("%s is permitted: %t", host, got)
		}
	}
	a.checkAsked(&mu, asked)
	a.checkFurther()
}

func (a *automaticSite) checkAsked(mu *sync.Mutex, asked map[string]int) {
	mu.Lock()
	defer mu.Unlock()
	if asked["other.test"] != 1 || asked["one.customers.test"] == 0 || asked["localhost"]+asked["nodots"]+asked["www.example.test"] > 0 {
		a.t.Errorf("the site was asked %v", asked)
	}
}

// checkFurther sees that a name that is permitted, but cannot get a certificate, is left alone for a while.
func (a *automaticSite) checkFurther() {
	a.t.Helper()
	a.away.Store(true)
	before := a.pebble.orders()
	for range 3 {
		if got := a.names("two.customers.test"); got != "" {
			a.t.Errorf("a certificate for %q in spite of everything", got)
		}
	}
	if n := a.log.count("cannot get a certificate for two.customers.test"); n != 1 {
		a.t.Errorf("%d complaints", n)
	}
	if n := a.pebble.orders() - before; n > 3 { // acmez tries the other kind of proof
		a.t.Errorf("%d orders for three handshakes", n)
	}
}

// Managers with both kinds of names serve both.
func TestAutomaticBothKinds(t *testing.T) {
	t.Parallel()
	a := newAutomaticSite(t, []string{"www.example.test"}, pebbleConfig{}, settings{}, nil)
	a.automatic.LocalNames = []string{"localhost"}
	a.pebble.start()
	a.next().Start()
	eventually(t, "the certificate", func() bool { return a.names("www.example.test") == "www.example.test" })
	if got := a.names("localhost"); got != "localhost" {
		t.Errorf("localhost has a certificate for %q", got)
	}
}
