package tls

import (
	"context"
	"crypto/sha256"
	crypto "crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gild/config"
	"gild/logs"
)

// Options are what a [Manager] needs.
type Options struct {
	Config *config.Config // with HTTPS
	Vault  *os.File       // of the supervisor, see [Vault.File]; it must stay open until Close
	Log    logs.Logger

	// Storage is the directory for what is obtained, if it can be reached by this descriptor only; it must stay open until
	// Close. Nil: that of the configuration.
	Storage *os.File

	// Permit says whether a certificate may be obtained for a name that the configuration does not mention; the error
	// says why not. It is called from any goroutine, four times at once at most. Nil: for none.
	Permit func(ctx context.Context, name string) error
}

// Manager chooses the certificate of each connection, and obtains and renews certificates if the configuration says so. It
// opens no sockets: an authority proves by the listeners of the server that a name is ours, see Challenge and TCP. Its
// methods may be called from any goroutine.
type Manager struct {
	options   Options
	period    time.Duration // between two looks at the vault
	automatic *automatic    // nil: certificates come from files
	secrets   secrets       // as they were at first
	state     atomic.Pointer[state]

	stop context.CancelFunc
	done sync.WaitGroup
}

// state is what follows from the contents of a vault.
type state struct {
	version   uint64
	source    source
	fault     fault // of the files
	tcp, quic *crypto.Config
	proof     *crypto.Config // for acme-tls/1
}

// Open reads the vault. The error says what is wrong with it and what to do; nothing has been started then. If certificates
// are obtained and their directory cannot be used, that is logged, and no error.
func Open(o Options) (*Manager, error) { return open(o, settings{}) }

func open(o Options, s settings) (*Manager, error) {
	m := &Manager{options: o, period: time.Second}
	c, version, err := readVault(o.Vault)
	if err != nil {
		return nil, err
	}
	m.secrets = c.secrets
	if a := o.Config.HTTPS.Automatic; a != nil {
		m.automatic = openAutomatic(a, o, c.ACMERoots, s)
	}
	if err := m.adopt(c, version); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Start begins to follow the vault and to obtain and renew certificates. It returns at once.
func (m *Manager) Start() {
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.done.Go(func() { m.follow(ctx) })
	if m.automatic != nil {
		m.automatic.start(ctx, &m.done)
	}
}

// Close ends what Start began. An order for a certificate that is under way is given up; another process, or the next
// start, takes it up again. The configurations that TCP and QUIC returned stay usable for open connections.
func (m *Manager) Close() {
	if m.stop != nil {
		m.stop()
		m.wait(maxWait)
	}
	if m.automatic != nil {
		m.automatic.close()
	}
}

// maxWait is how long Close waits. Most ends at once; an OCSP responder that does not answer is given up by certmagic only
// after half a minute.
const maxWait = 2 * time.Second

// wait waits for what Start began, at most for d.
func (m *Manager) wait(d time.Duration) {
	ended := make(chan struct{})
	go func() {
		m.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(d):
	}
}

// TCP is for the listeners of HTTPS: HTTP/2 and HTTP/1.1 by ALPN (RFC 7301). A connection that has agreed on the protocol
// "acme-tls/1" has served its purpose when the handshake is over; close it. The configuration follows the vault.
func (m *Manager) TCP() *crypto.Config {
	c := m.state.Load().tcp.Clone()
	c.GetConfigForClient = func(hello *crypto.ClientHelloInfo) (*crypto.Config, error) {
		s := m.state.Load()
		if s.proof != nil && isProof(hello) {
			return s.proof, nil
		}
		return s.tcp, nil
	}
	return c
}

// QUIC is for HTTP/3: "h3" by ALPN, TLS 1.3 (RFC 9001, section 4.2). The configuration follows the vault.
func (m *Manager) QUIC() *crypto.Config {
	c := m.state.Load().quic.Clone()
	c.GetConfigForClient = func(*crypto.ClientHelloInfo) (*crypto.Config, error) { return m.state.Load().quic, nil }
	return c
}

// Secrets are the keys of QUIC's stateless resets and of its address validation tokens (RFC 9000, sections 10.3.2 and
// 8.1.3), the same in all processes of a supervisor.
func (m *Manager) Secrets() (reset, token [32]byte) { return m.secrets.Reset, m.secrets.Token }

// Challenge answers r if it is an authority's question for the proof of HTTP-01 (RFC 8555, section 8.3) and the answer is
// known. False: it is not ours, and the site may answer it; nothing has been written then.
func (m *Manager) Challenge(w http.ResponseWriter, r *http.Request) bool {
	return m.automatic != nil && m.automatic.challenges.answer(w, r)
}

// Permitted says whether host, which is in lower case, is one of the names beyond those of the configuration that the site
// wants to be served under: a certificate has been obtained for it, or Options.Permit allows one. It is quick, except that
// Options.Permit is asked once a minute for each host.
func (m *Manager) Permitted(ctx context.Context, host string) bool {
	return m.automatic != nil && m.automatic.permitted(ctx, host)
}

// follow takes over what the supervisor changes in the vault.
func (m *Manager) follow(ctx context.Context) {
	ticker := time.NewTicker(m.period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := m.update(); err != nil {
			logs.Printf(m.options.Log, logs.Error, module, "%v; the certificates from before stay in use", err)
		}
	}
}

// update adopts the contents of the vault if they are new.
func (m *Manager) update() error {
	version, err := vaultVersion(m.options.Vault)
	if err != nil || version == m.state.Load().version {
		return err
	}
	c, version, err := readVault(m.options.Vault)
	if err != nil {
		return err
	}
	return m.adopt(c, version)
}

// adopt makes c what new handshakes use. Contents that are wrong are not tried again.
func (m *Manager) adopt(c *contents, version uint64) error {
	s, err := m.newState(c)
	if err != nil {
		if old := m.state.Load(); old != nil {
			kept := *old
			kept.version = version
			m.state.Store(&kept)
		}
		return err
	}
	s.version = version
	m.state.Store(s)
	return nil
}

func (m *Manager) newState(c *contents) (*state, error) {
	h := m.options.Config.HTTPS
	s := &state{fault: c.Fault}
	if err := m.findSource(s, c); err != nil {
		return nil, err
	}
	var err error
	if s.tcp, err = newPolicy(h, c.Tickets); err != nil {
		return nil, err
	}
	s.tcp.GetCertificate = m.choose(s.source)
	if err := askClients(s.tcp, c.ClientCA, len(h.VerifyClient) == 0); err != nil {
		return nil, fmt.Errorf("%s: %w", h.ClientCA, err)
	}
	s.quic = s.tcp.Clone()
	s.quic.MinVersion, s.quic.MaxVersion, s.quic.NextProtos = crypto.VersionTLS13, 0, []string{"h3"}
	return s, nil
}

// findSource is either of the two places that certificates come from.
func (m *Manager) findSource(s *state, c *contents) (err error) {
	if m.automatic != nil {
		s.source = m.automatic
		s.proof = &crypto.Config{NextProtos: []string{acmeProtocol}, GetCertificate: m.automatic.challenges.certificate, SessionTicketsDisabled: true}
		return nil
	}
	if len(c.Pairs) == 0 {
		return errors.New("there is neither a certificate nor a way to obtain one")
	}
	s.source, err = newPairs(c.Pairs)
	return err
}

// isProof says whether a handshake is an authority's question of TLS-ALPN-01 (RFC 8737, section 3): it offers that
// protocol and no other.
func isProof(hello *crypto.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmeProtocol
}

// fingerprint is a short name for a set of anything, for file names and comparisons.
func fingerprint(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s,", len(part), part)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:4])
}
