package integration

import (
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secureApplication answers with what it was asked. Below /gate it notes in the file "begun" that it has begun, and sends its
// second piece when there is a file "go"; /torn promises more than comes; /big is three megabytes.
const secureApplication = `import os, time

begun = os.open('begun', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

def gate():
    yield b'first '
    os.write(begun, b'begun\n')
    while not os.path.exists('go'):
        time.sleep(0.01)
    yield b'second'

def torn():
    yield b'torn'
    raise RuntimeError('as the test wants it')

def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/torn':
        start_response('200 OK', [('Content-Length', '100')])
        return torn()
    start_response('200 OK', [('Content-Type', 'text/plain')])
    if path == '/gate':
        return gate()
    if path == '/big':
        return [b'0123456789abcdef' * 196608]
    body = environ['wsgi.input'].read()
    return [('%s %s %s %s %d %s' % (environ['REQUEST_METHOD'], environ['SERVER_PROTOCOL'], environ['wsgi.url_scheme'],
                                    path, len(body), environ.get('ROUND', ''))).encode()]
`

const secureThreads = 10

// secure is a gild with HTTPS.
type secure struct {
	*gild
	authority *authority
	ca        string // its certificate's file
}

// startSecure starts gild with secureApplication.
func startSecure(t *testing.T, args ...string) *secure {
	t.Helper()
	return startSecureApplication(t, secureApplication, args...)
}

// startSecureApplication starts gild with an application.
func startSecureApplication(t *testing.T, application string, args ...string) *secure {
	t.Helper()
	return prepareSecure(t, application).begin(args...)
}

// prepareSecure makes the directory of a gild: an application, and a certificate of a new authority for a few names, whose
// stub is "site".
func prepareSecure(t *testing.T, application string) *secure {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "app.wsgi", application)
	a := newAuthority(t)
	s := &secure{authority: a, ca: a.write(filepath.Join(dir, "ca.pem")), gild: &gild{t: t, dir: dir}}
	s.issue("site", ellipticKey(t))
	return s
}

// issue adds a certificate for the names of the site.
func (s *secure) issue(stub string, key crypto.Signer) {
	s.t.Helper()
	s.authority.issue(filepath.Join(s.dir, stub), key, "localhost", "gild.example", "127.0.0.1")
}

// begin starts the gild that has been prepared.
func (s *secure) begin(args ...string) *secure {
	s.t.Helper()
	s.gild = start(s.t, s.dir, nil, append([]string{"start-server", "app.wsgi", "--https-port", "$HTTPS",
		"--ssl-certificate", "$DIR/site", "--access-log", "--threads", fmt.Sprint(secureThreads)}, args...))
	return s
}

// begun waits until n requests are in the gate.
func (s *secure) begun(n int) {
	s.t.Helper()
	s.until(fmt.Sprint(n, " requests in the gate"), func() bool {
		text, _ := os.ReadFile(filepath.Join(s.dir, "begun"))
		return strings.Count(string(text), "\n") >= n
	})
}

// open lets what is in the gate go on.
func (s *secure) open() { write(s.t, s.dir, "go", "") }

// accessed waits until the access log has text.
func (s *secure) accessed(text string) {
	s.t.Helper()
	s.until("access log with "+text, func() bool { return strings.Contains(s.access(), text) })
}

// until waits until it holds.
func (g *gild) until(what string, holds func() bool) {
	g.t.Helper()
	g.untilLate(patience, what, holds)
}

// untilLate is until with another patience.
func (g *gild) untilLate(length time.Duration, what string, holds func() bool) {
	g.t.Helper()
	err := retryFor(length, func() error {
		if holds() {
			return nil
		}
		return fmt.Errorf("there is no %s", what)
	})
	if err != nil {
		g.t.Fatal(err)
	}
}
