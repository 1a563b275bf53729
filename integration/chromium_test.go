package integration

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pageApplication has a page that reports by which protocol the browser says it came. A page that did not come by h3 loads
// itself again, fifty times. The reports go into the file "reports", with the protocol as the application sees it.
const pageApplication = `PAGE = b"""<!DOCTYPE html>
<title>Which protocol?</title>
<script>
onload = async () => {
    const protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol
    const n = Number(location.search.slice(1))
    await fetch('/report', {method: 'POST', body: protocol})
    if (protocol != 'h3' && n < 50)
        setTimeout(() => location.replace('/page?' + (n + 1)), 100)
}
</script>
"""

came = ''

def application(environ, start_response):
    global came
    if environ['PATH_INFO'] == '/page':
        came = environ['SERVER_PROTOCOL']
    elif environ['PATH_INFO'] == '/report':
        with open('reports', 'ab') as f:
            f.write(environ['wsgi.input'].read() + b' ' + came.encode() + b'\n')
    start_response('200 OK', [('Content-Type', 'text/html')])
    return [PAGE]
`

// TestChromium loads a page with a browser: it comes by HTTP/2 first, and then, because Alt-Svc has told the browser where, by
// HTTP/3.
func TestChromium(t *testing.T) {
	chromium := program(t, "chromium")
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecureApplication(t, pageApplication, args...)
		url := fmt.Sprintf("https://gild.example:%d/page", s.https)
		home := browserHome(t)
		browser := exec.Command(chromium, append(chromiumFlags(t, home, filepath.Join(s.dir, "site.crt")), url)...)
		browser.Env = append(os.Environ(), "HOME="+home)
		accompany(t, browser)
		var reports []string
		s.untilLate(2*time.Minute, "report of h3", func() bool {
			text, _ := os.ReadFile(filepath.Join(s.dir, "reports"))
			reports = strings.Split(strings.TrimSpace(string(text)), "\n")
			return strings.HasPrefix(reports[len(reports)-1], "h3 ")
		})
		if first, last := reports[0], reports[len(reports)-1]; first != "h2 HTTP/2.0" || last != "h3 HTTP/3.0" {
			t.Errorf("the page came by %q first, by %q in the end", first, last)
		}
	})
}

// chromiumFlags are for a browser without a window, without anything of its own to do in the network, and without a sandbox,
// which root cannot have. It takes gild.example for this machine, and believes in one certificate.
//
// For HTTP/3 a browser wants an authority that is known everywhere. It makes an exception for a host that is named in
// origin-to-force-quic-on. Port 1 is there to name the host without forcing anything.
func chromiumFlags(t *testing.T, home, certificate string) []string {
	t.Helper()
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--user-data-dir=" + home,
		"--host-resolver-rules=MAP gild.example 127.0.0.1",
		"--ignore-certificate-errors-spki-list=" + fingerprint(t, certificate),
		"--origin-to-force-quic-on=gild.example:1",
	}
}

// browserHome is a directory that is removed after the test. Some of the browser's processes write there for a moment after it
// has been killed, so that t.TempDir will not do.
func browserHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "gild-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := retry(func() error { return os.RemoveAll(home) }); err != nil {
			t.Error(err)
		}
	})
	return home
}

// fingerprint is the SHA-256 digest of the public key of a certificate's file, in Base64.
func fingerprint(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is not PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(digest[:])
}
