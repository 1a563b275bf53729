package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// plainApplication answers every request with a word. What testssl.sh says about the fields of a page is the application's
// business, so that it sets one.
const plainApplication = `def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('X-Content-Type-Options', 'nosniff')])
    return [b'plain']
`

// TestTestSSL lets testssl.sh look for weak protocols, suites, certificates, and known holes, on a site with a certificate of
// RSA and one of ECDSA. Nothing it finds is worse than LOW, but for testdata/testssl.txt.
func TestTestSSL(t *testing.T) {
	t.Parallel()
	testssl := program(t, "testssl")
	s := prepareSecure(t, plainApplication)
	s.issue("rsa", rsaKey(t))
	s.begin("--ssl-certificate", "$DIR/rsa", "--https-only", "--hsts-policy", "max-age=31536000; includeSubDomains")
	findings := runTestSSL(t, testssl, s)
	excused := readExcuses(t, "testdata/testssl.txt", "*")
	for _, f := range findings {
		complaint := ""
		if slices.Contains([]string{"MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN"}, f.Severity) {
			complaint = f.Severity + ": " + f.Finding
		}
		excused.judge(f.ID, complaint)
	}
	excused.unused()
	for _, want := range []finding{
		{ID: "TLS1_2", Severity: "OK"}, {ID: "TLS1_3", Severity: "OK"}, {ID: "TLS1_1", Severity: "INFO"}, // not offered
		{ID: "ALPN_HTTP2", Severity: "OK", Finding: "h2"}, {ID: "cert_numbers", Severity: "INFO", Finding: "2"},
		{ID: "PFS", Severity: "OK"}, {ID: "HSTS_time", Severity: "OK"}, {ID: "heartbleed", Severity: "OK"},
		{ID: "LOGJAM", Severity: "OK"}, {ID: "scanTime", Severity: "INFO"},
	} {
		if !slices.ContainsFunc(findings, want.like) {
			t.Errorf("testssl.sh has not found %+v", want)
		}
	}
}

// finding is one of testssl.sh. Its severity is OK, INFO, LOW, MEDIUM..., or WARN for what could not be tested.
type finding struct{ ID, Severity, Finding string }

// like reports whether f is what is wanted, where "" is any finding.
func (want finding) like(f finding) bool {
	return f.ID == want.ID && f.Severity == want.Severity && (want.Finding == "" || want.Finding == f.Finding)
}

// runTestSSL does everything that testssl.sh can but to simulate clients and to count the suites of each protocol.
func runTestSSL(t *testing.T, testssl string, s *secure) (findings []finding) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	output, err := exec.Command(testssl, "--quiet", "--warnings", "off", "--color", "0", "--nodns", "none",
		"--connect-timeout", "10", "--openssl-timeout", "10", "--ip", "127.0.0.1", "--add-ca", s.ca, "--jsonfile", report,
		"--protocols", "--standard", "--pfs", "--server-preference", "--server-defaults", "--headers", "--vulnerable",
		fmt.Sprintf("gild.example:%d", s.https)).CombinedOutput()
	text, errRead := os.ReadFile(report)
	if errRead == nil {
		errRead = json.Unmarshal(text, &findings)
	}
	if errRead != nil {
		t.Fatalf("%v, %v; testssl.sh said:\n%s", errRead, err, output)
	}
	return findings
}
