package integration

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

// TestLocalCertificate has gild issue a certificate for localhost itself, by an authority of its own that stays the same.
func TestLocalCertificate(t *testing.T) {
	everywhere(t, func(t *testing.T, place []string) {
		g := prepareGild(t)
		args := append([]string{"start-server", "app.wsgi", "--server-name", "localhost", "--https-port", "$HTTPS"}, place...)
		g.run(nil, args)
		t.Cleanup(g.stop)
		root := filepath.Join(g.dir, "server/certificates/local/root.crt")
		g.until("root of its own", func() bool { _, err := os.Stat(root); return err == nil })
		client := trusting(t, poolOf(t, root))
		first := g.certificate(client, "localhost", covers("localhost"))
		c := newH3Client(t, g, root)
		c.connected("a")
		if got := c.get("a", 1, "/"); got.body != "https localhost" {
			t.Errorf("over HTTP/3: %s", got)
		}
		next := g.ends()
		next.run(nil, args)
		t.Cleanup(next.stop)
		if now := next.certificate(client, "localhost", anyCertificate); !now.Equal(first) {
			t.Error("after a restart there is another certificate")
		}
	})
}

// poolOf reads certificates from a file.
func poolOf(t *testing.T, path string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s: no certificate, %v", path, err)
	}
	return pool
}
