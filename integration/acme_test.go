package integration

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// issuance bounds how long a certificate may take: orders wait for seconds, and the lock of a process that has been killed must
// first be old enough.
const issuance = 2 * time.Minute

// obtaining is a gild that obtains its certificate from a Pebble.
type obtaining struct {
	*gild
	pebble *pebble
}

// prepareObtaining makes both, of which none runs yet.
func prepareObtaining(t *testing.T) *obtaining {
	t.Helper()
	g := prepareGild(t)
	return &obtaining{gild: g, pebble: newPebble(t, g)}
}

// prepareGild makes the directory of a gild, whose application answers with the scheme and the host.
func prepareGild(t *testing.T) *gild {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "app.wsgi", `def application(environ, start_response):
    start_response('200 OK', [])
    return [(environ['wsgi.url_scheme'] + ' ' + environ['HTTP_HOST'].split(':')[0]).encode()]
`)
	return prepare(t, dir)
}

// begin starts the gild, for a.example.test and with further options, and ends it with the test.
func (o *obtaining) begin(args ...string) {
	o.t.Helper()
	args = append([]string{"start-server", "app.wsgi", "--server-name", "a.example.test"}, args...)
	o.run(nil, append(args, o.pebble.options()...))
	o.t.Cleanup(o.stop)
}

// certificate waits until the gild serves a page for a name over HTTPS, by a certificate that the client believes and that
// is as wanted, and returns it.
func (g *gild) certificate(client *http.Client, name string, wanted func(*x509.Certificate) bool) (leaf *x509.Certificate) {
	g.t.Helper()
	err := retryFor(issuance, func() (err error) {
		client.CloseIdleConnections()
		time.Sleep(100 * time.Millisecond) // each try costs a handshake
		if leaf, err = g.page(client, name); err == nil && !wanted(leaf) {
			err = fmt.Errorf("the certificate is for %v", leaf.DNSNames)
		}
		return err
	})
	if err != nil {
		g.t.Fatalf("no such certificate for %s: %v", name, err)
	}
	return leaf
}

// anyCertificate is for those who want no particular one.
func anyCertificate(*x509.Certificate) bool { return true }

// covers is for those who want one for all the names, and only those.
func covers(names ...string) func(*x509.Certificate) bool {
	return func(leaf *x509.Certificate) bool {
		got := slices.Clone(leaf.DNSNames)
		slices.Sort(got)
		return slices.Equal(got, names)
	}
}

// page asks for a page of a name over HTTPS and returns the certificate by which it came.
func (g *gild) page(client *http.Client, name string) (*x509.Certificate, error) {
	answer, err := client.Get(fmt.Sprintf("https://%s:%d/", name, g.https))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", answer.Status)
	}
	return answer.TLS.PeerCertificates[0], nil
}

// TestACME is the one-line site: the certificate comes by itself, for all names, and is there after a restart.
func TestACME(t *testing.T) {
	everywhere(t, func(t *testing.T, place []string) {
		o := prepareObtaining(t)
		o.pebble.start()
		args := append([]string{"--server-alias", "b.example.test", "--server-alias", "c.example.test", "--https-only"}, place...)
		client := o.pebble.visitor()
		o.begin(args...)
		leaf := o.certificate(client, "a.example.test", covers("a.example.test", "b.example.test", "c.example.test"))
		o.redirects()
		o.gild = o.ends()
		o.begin(args...)
		if now := o.certificate(client, "b.example.test", anyCertificate); !now.Equal(leaf) {
			t.Error("after a restart there is another certificate")
		}
		if n := o.pebble.issued(); n != 1 {
			t.Errorf("%d certificates were issued, want 1", n)
		}
	})
}

// ends ends a gild, and returns one with the same directory and ports that does not run yet.
func (g *gild) ends() *gild {
	g.t.Helper()
	g.tell(syscall.SIGTERM, "supervisor")
	if status, err := g.wait(); err != nil || status != "0" {
		g.t.Errorf("TERM: exit status %s, %v, want 0", status, err)
	}
	return &gild{t: g.t, dir: g.dir, port: g.port, https: g.https, done: make(chan struct{})}
}

// redirects waits until HTTP is there and leads to HTTPS.
func (o *obtaining) redirects() {
	o.t.Helper()
	client := trusting(o.t, nil)
	want := fmt.Sprintf("https://a.example.test:%d/path?query", o.https)
	err := retry(func() error {
		answer, err := client.Get(fmt.Sprintf("http://a.example.test:%d/path?query", o.port))
		if err != nil {
			return err
		}
		answer.Body.Close()
		if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusMovedPermanently || got != want {
			return fmt.Errorf("status %s, Location %q, want %q", answer.Status, got, want)
		}
		return nil
	})
	if err != nil {
		o.t.Error(err)
	}
}

// TestACMEObstacles has something in the way at first: HTTP is served all the same, and the log says what is wrong. When it is
// out of the way, the next generation gets its certificate.
func TestACMEObstacles(t *testing.T) {
	for _, obstacle := range []struct {
		name        string
		put, remove func(*pebble)
	}{
		{"the authority is away", func(*pebble) {}, (*pebble).start},
		{"the name points elsewhere",
			func(p *pebble) { p.start(); p.point("a.example.test", "127.0.0.9") },
			func(p *pebble) { p.point("a.example.test", "127.0.0.1") }},
	} {
		t.Run(obstacle.name, func(t *testing.T) {
			t.Parallel()
			o := prepareObtaining(t)
			obstacle.put(o.pebble)
			write(t, o.dir, "options", "--setenv ROUND 1\n")
			o.begin("--options-file", "$DIR/options")
			o.says("http://a.example.test:%d/", o.port, "http a.example.test")
			o.until("line about the certificate", func() bool { return o.complains("a.example.test") })
			obstacle.remove(o.pebble)
			write(t, o.dir, "options", "--setenv ROUND 2\n")
			o.tell(syscall.SIGHUP, "supervisor")
			o.certificate(o.pebble.visitor(), "a.example.test", covers("a.example.test"))
			o.says("http://a.example.test:%d/", o.port, "http a.example.test")
		})
	}
}

// TestACMEParent: the name without www., which nobody asked for, may lead elsewhere and does no harm; when it leads here it has
// a certificate, too, and is redirected.
func TestACMEParent(t *testing.T) {
	t.Parallel()
	o := prepareObtaining(t)
	o.pebble.start()
	o.pebble.point("example.test", "127.0.0.9")
	write(t, o.dir, "options", "--setenv ROUND 1\n")
	o.begin("--server-name", "www.example.test", "--options-file", "$DIR/options")
	client := o.pebble.visitor()
	o.certificate(client, "www.example.test", covers("www.example.test"))
	o.until("line about the parent", func() bool { return o.complains("cannot get a certificate for example.test") })
	o.pebble.point("example.test", "127.0.0.1")
	write(t, o.dir, "options", "--setenv ROUND 2\n")
	o.tell(syscall.SIGHUP, "supervisor")
	err := retryFor(issuance, func() error { return o.leads(client, "example.test", "https://www.example.test:%d/") })
	if err != nil {
		t.Error(err)
	}
}

// leads complains unless a name has a certificate of its own and is redirected to the URL, which gets the port.
func (o *obtaining) leads(client *http.Client, name, url string) error {
	client.CloseIdleConnections()
	answer, err := client.Get(fmt.Sprintf("https://%s:%d/", name, o.https))
	if err != nil {
		return err
	}
	answer.Body.Close()
	leaf, got, want := answer.TLS.PeerCertificates[0], answer.Header.Get("Location"), fmt.Sprintf(url, o.https)
	if !covers(name)(leaf) || got != want {
		return fmt.Errorf("a certificate for %v, Location %q; want %q", leaf.DNSNames, got, want)
	}
	return nil
}

// complains reports whether the error log has a line of the level error or warn with the text.
func (o *obtaining) complains(text string) bool {
	return slices.ContainsFunc(strings.Split(o.log(), "\n"), func(line string) bool {
		return strings.Contains(line, text) && (strings.Contains(line, ":error]") || strings.Contains(line, ":warn]"))
	})
}

// says waits until an URL answers with a text.
func (g *gild) says(format string, port int, want string) {
	g.t.Helper()
	client := trusting(g.t, nil)
	err := retry(func() error {
		got, err := fetch(client, fmt.Sprintf(format, port))
		if err == nil && got != want {
			err = fmt.Errorf("the answer is %q, want %q", got, want)
		}
		return err
	})
	if err != nil {
		g.t.Error(err)
	}
}

// TestACMEAlias adds an alias: there is a new certificate for all names, and until it has come the old one is served.
func TestACMEAlias(t *testing.T) {
	t.Parallel()
	o := prepareObtaining(t)
	o.pebble.start()
	write(t, o.dir, "options", "--server-alias b.example.test\n")
	o.begin("--options-file", "$DIR/options")
	client := o.pebble.visitor()
	o.certificate(client, "a.example.test", covers("a.example.test", "b.example.test"))
	write(t, o.dir, "options", "--server-alias b.example.test --server-alias c.example.test\n")
	o.tell(syscall.SIGHUP, "supervisor")
	o.certificate(client, "a.example.test", func(leaf *x509.Certificate) bool {
		if _, err := o.page(client, "b.example.test"); err != nil {
			t.Errorf("meanwhile: %v", err)
		}
		return covers("a.example.test", "b.example.test", "c.example.test")(leaf)
	})
	if n := o.pebble.issued(); n != 2 {
		t.Errorf("%d certificates were issued, want 2", n)
	}
}

// TestACMEShared has two gilds that share the directory of certificates start at the same time. The challenges come to one of
// them only, whichever has asked; both serve the one certificate.
func TestACMEShared(t *testing.T) {
	t.Parallel()
	o := prepareObtaining(t)
	o.pebble.start()
	second := &obtaining{gild: prepareGild(t), pebble: o.pebble}
	shared := t.TempDir()
	o.begin("--certificate-directory", shared)
	second.begin("--certificate-directory", shared)
	client := o.pebble.visitor()
	if one := o.certificate(client, "a.example.test", anyCertificate); !one.Equal(second.certificate(client, "a.example.test", anyCertificate)) {
		t.Error("the two have different certificates")
	}
	if n := o.pebble.issued(); n != 1 {
		t.Errorf("%d certificates were issued, want 1", n)
	}
}

// TestACMEGivenUp stops a gild whose authority does not answer: the order is given up, and its lock with it, which would keep the
// next gild waiting until it is old.
func TestACMEGivenUp(t *testing.T) {
	everywhere(t, func(t *testing.T, place []string) {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		g := prepareGild(t)
		g.run(nil, append([]string{"start-server", "app.wsgi", "--server-name", "a.example.test", "--https-port", fmt.Sprint(g.https),
			"--acme-directory", "https://" + silent.Addr().String() + "/dir", "--certificate-directory", "$DIR/kept"}, place...))
		locks := filepath.Join(g.dir, "kept", "locks", "*")
		count := func() int {
			names, _ := filepath.Glob(locks)
			return len(names)
		}
		g.until("lock of the order", func() bool { return count() > 0 })
		g.ends()
		if n := count(); n > 0 {
			t.Errorf("%d locks are left", n)
		}
	})
}

// TestACMEKilled kills the process that has just placed an order.
func TestACMEKilled(t *testing.T) {
	everywhere(t, func(t *testing.T, place []string) {
		o := prepareObtaining(t)
		o.pebble.start()
		o.begin(place...)
		o.until("order", func() bool { return strings.Contains(o.pebble.process.output.String(), "There are now 1 orders") })
		o.tell(syscall.SIGKILL, o.family()[0].role)
		o.certificate(o.pebble.visitor(), "a.example.test", covers("a.example.test"))
	})
}

// TestACMEPermission asks for names that only the script knows.
func TestACMEPermission(t *testing.T) {
	everywhere(t, func(t *testing.T, place []string) {
		o := prepareObtaining(t)
		o.pebble.start()
		write(t, o.dir, "permit.py", `def allow_certificate(name):
    with open('asked', 'a') as f:
        print(name, file=f)
    return name.startswith('good')
`)
		o.begin(append([]string{"--acme-permission-script", "$DIR/permit.py"}, place...)...)
		client := o.pebble.visitor()
		o.certificate(client, "a.example.test", covers("a.example.test"))
		o.certificate(client, "good.example.test", covers("good.example.test"))
		for range 5 {
			if _, err := o.page(client, "bad.example.test"); err == nil {
				t.Error("a page came for a name that the script refuses")
			}
		}
		if n := o.pebble.issued(); n != 2 {
			t.Errorf("%d certificates were issued, want 2", n)
		}
		asked, _ := os.ReadFile(filepath.Join(o.dir, "asked"))
		if n := strings.Count(string(asked), "bad.example.test\n"); n != 1 {
			t.Errorf("the script was asked %d times about a name that it refuses; all: %q", n, asked)
		}
	})
}
