package tls

import (
	"context"
	crypto "crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"gild/logs"
)

// storage is where everything is kept that must outlive a process or be known to all that serve the site.
type storage interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Store(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix string, recursive bool) ([]string, error)
	Lock(ctx context.Context, name string) error
	Unlock(ctx context.Context, name string) error
}

// challenges are the questions of authorities that are open now. They are in the storage and nowhere else, because an
// authority asks whichever process happens to accept its connection.
type challenges struct {
	storage storage
	log     logs.Logger
}

// challengePath is where an authority asks for the proof of HTTP-01 (RFC 8555, section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// maxToken is in characters. Tokens have 43 with the authorities there are.
const maxToken = 256

// solver presents challenges of one type; it is acmez.Solver.
type solver struct {
	*challenges
	key func(acme.Challenge) string
}

// solvers are for those types that are used; none given: for both.
func (c *challenges) solvers(types []string) map[string]acmez.Solver {
	all := map[string]acmez.Solver{
		acme.ChallengeTypeHTTP01:    solver{c, func(ch acme.Challenge) string { return tokenKey(ch.Token) }},
		acme.ChallengeTypeTLSALPN01: solver{c, func(ch acme.Challenge) string { return proofKey(ch.Identifier.Value) }},
	}
	if len(types) == 0 {
		return all
	}
	chosen := map[string]acmez.Solver{}
	for _, t := range types {
		chosen[t] = all[t]
	}
	return chosen
}

// The keys of challenges in the storage.
func tokenKey(token string) string { return path.Join("challenges", "http-01", token+".json") }
func proofKey(name string) string  { return path.Join("challenges", "tls-alpn-01", name+".json") }

// Present makes the answer known to all processes.
func (s solver) Present(ctx context.Context, challenge acme.Challenge) error {
	text, err := json.Marshal(challenge)
	if err != nil {
		return err
	}
	return s.storage.Store(ctx, s.key(challenge), text)
}

// CleanUp takes it back.
func (s solver) CleanUp(ctx context.Context, challenge acme.Challenge) error {
	return s.storage.Delete(context.WithoutCancel(ctx), s.key(challenge))
}

// answer is Manager.Challenge. The host is compared, so that a name which an attacker points here cannot be used to fetch
// the proof for another.
func (c *challenges) answer(w http.ResponseWriter, r *http.Request) bool {
	token, found := strings.CutPrefix(r.URL.Path, challengePath)
	if !found || !validToken(token) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	challenge, err := c.load(r.Context(), tokenKey(token))
	if err != nil || !strings.EqualFold(hostOf(r.Host), challenge.Identifier.Value) {
		return false
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	fmt.Fprint(w, challenge.KeyAuthorization) // a client that has gone needs no answer
	logs.Printf(c.log, logs.Info, module, "answered the challenge HTTP-01 for %s to %s", challenge.Identifier.Value, r.RemoteAddr)
	return true
}

// certificate answers the handshake of TLS-ALPN-01 (RFC 8737, section 3).
func (c *challenges) certificate(hello *crypto.ClientHelloInfo) (*crypto.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if !validHost(name) {
		return nil, fmt.Errorf("the challenge TLS-ALPN-01 is about %q, which is no host name", name)
	}
	challenge, err := c.load(hello.Context(), proofKey(name))
	if err != nil {
		return nil, fmt.Errorf("the challenge TLS-ALPN-01 for %s is not known here", name)
	}
	logs.Printf(c.log, logs.Info, module, "answered the challenge TLS-ALPN-01 for %s to %v", name, hello.Conn.RemoteAddr())
	return acmez.TLSALPN01ChallengeCert(challenge)
}

func (c *challenges) load(ctx context.Context, key string) (challenge acme.Challenge, err error) {
	text, err := c.storage.Load(ctx, key)
	if err == nil {
		err = json.Unmarshal(text, &challenge)
	}
	return challenge, err
}

// sweep deletes what processes that were killed have left.
func (c *challenges) sweep(ctx context.Context, modified func(key string) (time.Time, error)) {
	keys, err := c.storage.List(ctx, "challenges", true)
	if err != nil {
		return // there have been none yet
	}
	for _, key := range keys {
		if at, err := modified(key); err == nil && path.Ext(key) == ".json" && time.Since(at) > 24*time.Hour {
			c.storage.Delete(ctx, key) // the next sweep tries again
		}
	}
}

// validToken keeps what a client sends from being anything but a file name. It is the alphabet of RFC 8555, section 8.1.
func validToken(token string) bool {
	return token != "" && len(token) <= maxToken && strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// validHost says whether name is a host name in lower case with A-labels, such as certificates are made for.
func validHost(name string) bool {
	if len(name) > 253 || net.ParseIP(name) != nil {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// hostOf is the host of a Host header field, without port and brackets.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
