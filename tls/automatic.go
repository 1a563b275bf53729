package tls

import (
	"context"
	crypto "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"gild/config"
	"gild/logs"
)

// automatic is certificates that are obtained. It is the only part that knows certmagic, which keeps them, renews
// them (RFC 9773, or when a third of their life is left), staples OCSP, and keeps processes that share a storage from
// doing the same thing twice. Nothing of certmagic's is used that belongs to all of the process.
type automatic struct {
	config     *config.Automatic
	settings   settings
	log        logs.Logger
	zap        *zap.Logger
	hoard      hoard
	storage    *shelf
	keys       keys
	challenges *challenges
	authority  *authority
	local      *localAuthority
	ledger     ledger

	cache  *certmagic.Cache
	groups []*group          // that of the public names first
	byName map[string]*group // of all names of groups

	demand   *demand // nil: there are no certificates on demand
	demanded *certmagic.Config
	further  *certmagic.Cache // of certificates on demand
	flights  flights
	looked   notes[struct{}] // at certificates on demand, to see whether they are due

	life context.Context // of what outlives a handshake
	end  context.CancelFunc
}

// What the others of this package use of certmagic's.
type fileStorage = certmagic.FileStorage

// safe is a name as part of a path.
func safe(name string) string { return certmagic.StorageKeys.Safe(name) }

// group is names that share a certificate.
type group struct {
	names  []string // the first one stands for all with certmagic, which knows only certificates with one name
	local  bool
	config *certmagic.Config
	ready  chan struct{} // closed when there is a certificate

	mu     sync.Mutex
	failed bool      // the last order
	issued time.Time // the last certificate
}

// managed says whether there has been a certificate; before that, manage tells about failures.
func (g *group) managed() bool {
	select {
	case <-g.ready:
		return true
	default:
		return false
	}
}

// openAutomatic logs if the storage cannot be used, and goes on: a full disk is no reason to serve neither HTTP nor what
// can still be read, and the next attempt may find it repaired. Roots are PEM.
func openAutomatic(c *config.Automatic, o Options, roots []byte, s settings) *automatic {
	h := newHoard(o)
	o.Log = plainLog{o.Log, h}
	if err := checkStorage(h, o.Config.User); err != nil {
		logs.Printf(o.Log, logs.Error, module, "%v", err)
	}
	a := &automatic{config: c, settings: s.complete(), log: o.Log, hoard: h, byName: map[string]*group{}}
	a.ledger.opened = time.Now()
	a.life, a.end = context.WithCancel(context.Background())
	a.zap = zap.New(core{log: o.Log})
	a.storage = &shelf{fileStorage: &fileStorage{Path: h.path}, sites: map[string]string{}}
	a.challenges = &challenges{storage: a.storage, log: o.Log}
	a.local = &localAuthority{storage: a.storage, directory: h.local(), public: c.LocalRoot(), log: o.Log}
	a.authority = newAuthority(c.Directory, c.Email, newPool(roots), a.challenges, a.settings, slog.New(zapslog.NewHandler(core{log: o.Log}, zapslog.WithName(acmeLogger))))
	a.cache = certmagic.NewCache(a.cacheOptions(0, func(certificate certmagic.Certificate) *certmagic.Config { return a.groupOf(certificate).config }))
	a.addGroup(c.Names, false)
	if c.Parent != "" {
		a.addGroup([]string{c.Parent}, false)
	}
	a.addGroup(c.LocalNames, true)
	if len(c.LocalNames) > 0 {
		a.local.publish()
	}
	if o.Permit != nil {
		a.addDemand(o.Permit)
	}
	return a
}

func newPool(text []byte) *x509.CertPool {
	if len(text) == 0 {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text) // the supervisor has seen that there are some
	return pool
}

// cacheOptions are for a cache of at most capacity certificates; 0: any number.
func (a *automatic) cacheOptions(capacity int, configOf func(certmagic.Certificate) *certmagic.Config) certmagic.CacheOptions {
	return certmagic.CacheOptions{
		GetConfigForCert:   func(c certmagic.Certificate) (*certmagic.Config, error) { return configOf(c), nil },
		OCSPCheckInterval:  a.settings.ocsp,
		RenewCheckInterval: a.settings.renewal,
		Capacity:           capacity,
		Logger:             a.zap,
	}
}

// addGroup makes a group of names, if there are any.
func (a *automatic) addGroup(names []string, local bool) {
	if len(names) == 0 {
		return
	}
	g := &group{names: names, local: local, ready: make(chan struct{})}
	var from certmagic.Issuer = &acmeIssuer{a}
	if local {
		from = &localIssuer{a, g}
	}
	g.config = a.newConfig(a.cache, from, nil)
	for _, name := range names {
		a.byName[name] = g
	}
	a.storage.share(names)
	a.groups = append(a.groups, g)
}

// addDemand makes further names possible.
func (a *automatic) addDemand(permit func(context.Context, string) error) {
	a.demand = newDemand(permit, a.log, a.settings.answers)
	a.further = certmagic.NewCache(a.cacheOptions(maxDemanded, func(certmagic.Certificate) *certmagic.Config { return a.demanded }))
	a.demanded = a.newConfig(a.further, &acmeIssuer{a}, &certmagic.OnDemandConfig{DecisionFunc: a.demand.allow})
}

// newConfig sets every field for which certmagic would otherwise take what belongs to all of the process. Those that are
// left are zero there, too.
func (a *automatic) newConfig(cache *certmagic.Cache, from certmagic.Issuer, demand *certmagic.OnDemandConfig) *certmagic.Config {
	return certmagic.New(cache, certmagic.Config{
		RenewalWindowRatio: a.settings.window,
		OnEvent:            a.event,
		ShouldEmitFunc:     func(what string) bool { return what == "cert_failed" || what == "cached_managed_cert" },
		OnDemand:           demand,
		Issuers:            []certmagic.Issuer{from},
		KeySource:          &a.keys,
		OCSP:               certmagic.OCSPConfig{HTTPProxy: http.ProxyFromEnvironment},
		Storage:            a.storage,
		SubjectTransformer: func(_ context.Context, name string) string { return a.subject(name) },
		Logger:             a.zap,
	})
}

// subject is the name that stands for a name.
func (a *automatic) subject(name string) string {
	if g := a.byName[name]; g != nil {
		return g.names[0]
	}
	return name
}

// groupOf is the group of a certificate in the cache.
func (a *automatic) groupOf(certificate certmagic.Certificate) *group {
	for _, name := range certificate.Names {
		if g := a.byName[name]; g != nil {
			return g
		}
	}
	return a.groups[0]
}

// start begins to obtain and renew.
func (a *automatic) start(ctx context.Context, done *sync.WaitGroup) {
	for _, g := range a.groups {
		done.Go(func() { a.manage(ctx, g) })
	}
	done.Go(func() { a.clean(ctx) })
}

// close ends the renewal. Stopping a cache waits for what it does just now, which may take as long as an authority
// takes to answer; nobody has to wait for that.
func (a *automatic) close() {
	a.end()
	go a.cache.Stop()
	if a.further != nil {
		go a.further.Stop()
	}
}

// clean deletes once a day what has been of no use for two weeks: expired certificates, and what killed processes left.
func (a *automatic) clean(ctx context.Context) {
	const day = 24 * time.Hour
	for {
		a.challenges.sweep(ctx, func(key string) (time.Time, error) {
			info, err := a.storage.Stat(ctx, key)
			return info.Modified, err
		})
		err := certmagic.CleanStorage(ctx, a.storage, certmagic.CleanStorageOptions{
			Logger: a.zap, Interval: day, OCSPStaples: true, ExpiredCerts: true, ExpiredCertGracePeriod: 14 * day,
		})
		if err != nil && ctx.Err() == nil {
			logs.Printf(a.log, logs.Warn, module, "cannot tidy %s up: %v", a.hoard.name, err)
		}
		if !sleep(ctx, day) {
			return
		}
	}
}

// newest is the certificate for name in a cache that ends last.
func newest(cache *certmagic.Cache, name string) *crypto.Certificate {
	var best *certmagic.Certificate
	for _, c := range cache.AllMatchingCertificates(name) {
		if best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = &c
		}
	}
	if best == nil {
		return nil
	}
	return &best.Certificate
}

// event hears of what certmagic does by itself: renewals, and orders on demand.
func (a *automatic) event(_ context.Context, what string, data map[string]any) error {
	if names, ok := data["sans"].([]string); ok && what == "cached_managed_cert" {
		a.noteDemand(names)
	}
	name, _ := data["identifier"].(string)
	renewal, _ := data["renewal"].(bool)
	err, _ := data["error"].(error)
	if what != "cert_failed" || errors.Is(err, context.Canceled) {
		return nil
	}
	if g := a.byName[name]; g == nil && a.demand != nil {
		a.demand.failed(name, err)
		a.noteDemand([]string{name})
		a.complain([]string{name}, err, "")
	} else if g != nil && renewal && g.managed() {
		a.complain(g.names, err, "the certificate from before stays in use, and gild tries again")
	}
	return nil
}

// complain logs that names get no certificate, why, what to do, and what gild does.
func (a *automatic) complain(names []string, err error, then string) {
	if failure, ok := errors.AsType[orderError](err); ok {
		err = failure.err // without the steps of certmagic that led there
	}
	line := fmt.Sprintf("cannot get a certificate for %s: %v", strings.Join(names, ", "), err)
	for _, more := range []string{remedy(err), then} {
		if more != "" {
			line += "; " + more
		}
	}
	logs.Printf(a.log, a.severity(names[0]), module, "%s", line)
	a.noteFailure(names[0], err)
}

// severity is how bad it is that a name gets no certificate. The parent of the server name often leads elsewhere.
func (a *automatic) severity(name string) logs.Level {
	if name == a.config.Parent {
		return logs.Warn
	}
	return logs.Error
}

// acmeIssuer issues by ACME; it is certmagic.Issuer.
type acmeIssuer struct{ *automatic }

// IssuerKey is part of the paths in the storage.
func (i *acmeIssuer) IssuerKey() string { return i.authority.key }

// GetRenewalInfo is when the authority wants the certificate renewed (RFC 9773).
func (i *acmeIssuer) GetRenewalInfo(ctx context.Context, c certmagic.Certificate) (renewalInfo, error) {
	return i.authority.client.GetRenewalInfo(ctx, c.Leaf)
}

// Issue orders a certificate for all names of the group of the one name that certmagic has put into the request, or for
// that name if it is on demand.
func (i *acmeIssuer) Issue(ctx context.Context, request *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	key, err := i.keys.take(request.PublicKey)
	if err != nil {
		return nil, err
	}
	if len(request.DNSNames) != 1 {
		return nil, fmt.Errorf("a request is for %q, and not for one name", request.DNSNames)
	}
	g := i.byName[request.DNSNames[0]]
	if g == nil {
		return i.issueFurther(ctx, order{names: request.DNSNames, key: key})
	}
	return i.issueGroup(ctx, g, order{names: g.names, key: key})
}

// issueFurther orders for a name on demand. It is tried once: the next handshake tries again, when demand lets it.
func (i *acmeIssuer) issueFurther(ctx context.Context, o order) (*certmagic.IssuedCertificate, error) {
	end, err := i.demand.order(ctx)
	if err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	defer end()
	o.replaces = i.storage.leaf(ctx, i.IssuerKey(), o.names[0])
	c, err := i.issue(ctx, o)
	if err != nil {
		return nil, certmagic.ErrNoRetry{Err: err}
	}
	return c, nil
}

// issueGroup orders for a group, unless it got a certificate just now. One that seems to need renewal at once does so because
// a clock is wrong, and the next one would too: orders are limited.
func (i *acmeIssuer) issueGroup(ctx context.Context, g *group, o order) (*certmagic.IssuedCertificate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if age := i.settings.now().Sub(g.issued); age < i.settings.rest {
		return nil, fmt.Errorf("the last certificate is only %v old, and another would hardly be better: is the clock of this machine right (it says %s)?", age.Round(time.Second), date(i.settings.now()))
	}
	o.rehearse = g.failed
	o.replaces = i.storage.leaf(ctx, i.IssuerKey(), g.names[0])
	c, err := i.issue(ctx, o)
	g.failed = err != nil
	if err == nil {
		g.issued = i.settings.now()
	}
	return c, err
}

// orderError is why an order failed.
type orderError struct{ err error }

func (e orderError) Error() string { return e.err.Error() }
func (e orderError) Unwrap() error { return e.err }

// issue orders, and says what it got.
func (i *acmeIssuer) issue(ctx context.Context, o order) (*certmagic.IssuedCertificate, error) {
	chain, err := i.authority.obtain(ctx, o)
	if err != nil {
		return nil, orderError{err}
	}
	certificates, err := parseCertificates(chain.ChainPEM, i.config.Directory)
	if err != nil {
		return nil, err
	}
	i.announce(certificates[0], o.names)
	return &certmagic.IssuedCertificate{Certificate: chain.ChainPEM, Metadata: chain}, nil
}

// announce logs a new certificate.
func (a *automatic) announce(leaf *x509.Certificate, names []string) {
	logs.Printf(a.log, logs.Notice, module, "got a certificate for %s from %s, valid until %s", strings.Join(names, ", "), leaf.Issuer, date(leaf.NotAfter))
	if now := a.settings.now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		logs.Printf(a.log, logs.Error, module, "that certificate is valid from %s to %s, and the clock of this machine says %s: set it right", date(leaf.NotBefore), date(leaf.NotAfter), date(now))
	}
}

// localIssuer issues for the local names; it is certmagic.Issuer.
type localIssuer struct {
	*automatic
	group *group
}

// IssuerKey is part of the paths in the storage.
func (i *localIssuer) IssuerKey() string { return localKey }

// Issue signs a certificate for all local names.
func (i *localIssuer) Issue(ctx context.Context, request *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	i.keys.take(request.PublicKey) // a local request needs no key
	text, leaf, err := i.local.issue(ctx, request.PublicKey, i.group.names)
	if err != nil {
		return nil, err
	}
	i.announce(leaf, i.group.names)
	return &certmagic.IssuedCertificate{Certificate: text}, nil
}
