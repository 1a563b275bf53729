package tls

import (
	"context"
	crypto "crypto/tls"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// newChallenges has one open challenge of each kind, for www.example.com, with the token "token_1-A".
func newChallenges(t testing.TB) (*challenges, string) {
	t.Helper()
	directory := t.TempDir()
	c := &challenges{storage: &shelf{fileStorage: &fileStorage{Path: directory}}, log: newDiary(t)}
	for kind, s := range c.solvers(nil) {
		must(t, s.Present(context.Background(), acme.Challenge{Type: kind, Token: "token_1-A", KeyAuthorization: "the proof",
			Identifier: acme.Identifier{Type: "dns", Value: "www.example.com"}}))
	}
	writeFile(t, filepath.Join(directory, "secret.json"), `{"keyAuthorization":"a secret","identifier":{"value":"www.example.com"}}`)
	return c, directory
}

// A question for a proof is answered if it is the one that was announced; all others are the site's.
func TestChallengeAnswers(t *testing.T) {
	c, _ := newChallenges(t)
	for _, q := range []struct {
		method, path, host string
		want               string
	}{
		{"GET", challengePath + "token_1-A", "www.example.com", "the proof"},
		{"GET", challengePath + "token_1-A", "WWW.example.com:80", "the proof"},
		{"GET", challengePath + "token_1-A?x=y", "www.example.com", "the proof"},
		{"GET", challengePath + "token_1-A", "other.example.com", ""},
		{"GET", challengePath + "token_2", "www.example.com", ""},
		{"GET", challengePath, "www.example.com", ""},
		{"GET", challengePath + "../secret", "www.example.com", ""},
		{"GET", challengePath + "..%2f..%2fsecret", "www.example.com", ""},
		{"GET", challengePath + "token_1-A/", "www.example.com", ""},
		{"GET", challengePath + "token_1-A.json", "www.example.com", ""},
		{"GET", challengePath + strings.Repeat("a", maxToken+1), "www.example.com", ""},
		{"POST", challengePath + "token_1-A", "www.example.com", ""},
		{"GET", "/token_1-A", "www.example.com", ""},
	} {
		r := httptest.NewRequest(q.method, "http://"+q.host+q.path, nil)
		w := httptest.NewRecorder()
		if answered := c.answer(w, r); answered != (q.want != "") || w.Body.String() != q.want {
			t.Errorf("%s %s of %s: %t, %q", q.method, q.path, q.host, answered, w.Body)
		}
	}
}

// The proof by TLS is a certificate with the extension of RFC 8737, for the name that is asked about.
func TestChallengeCertificate(t *testing.T) {
	c, _ := newChallenges(t)
	end, _ := net.Pipe()
	defer end.Close()
	for name, good := range map[string]bool{"www.example.com": true, "WWW.EXAMPLE.COM": true, "other.example.com": false, "": false, "../../secret": false, "../http-01/token_1-A": false} {
		certificate, err := c.certificate(&crypto.ClientHelloInfo{ServerName: name, Conn: end})
		if (err == nil) != good {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if good && (certificate.Leaf == nil || certificate.Leaf.DNSNames[0] != "www.example.com") {
			t.Errorf("%q: a certificate for %v", name, certificate.Leaf)
		}
	}
}

// A challenge that is over is forgotten, as are those that a killed process has left, after a day.
func TestChallengesEnd(t *testing.T) {
	c, directory := newChallenges(t)
	count := func() int {
		files, err := filepath.Glob(filepath.Join(directory, "challenges", "*", "*.json"))
		must(t, err)
		return len(files)
	}
	modified := func(age time.Duration) func(string) (time.Time, error) {
		return func(string) (time.Time, error) { return time.Now().Add(-age), nil }
	}
	c.sweep(context.Background(), modified(time.Hour))
	if n := count(); n != 2 {
		t.Errorf("%d challenges after an hour", n)
	}
	for _, s := range c.solvers([]string{acme.ChallengeTypeHTTP01}) {
		must(t, s.CleanUp(context.Background(), acme.Challenge{Token: "token_1-A"}))
	}
	if n := count(); n != 1 {
		t.Errorf("%d challenges after one has ended", n)
	}
	c.sweep(context.Background(), modified(25*time.Hour))
	if n := count(); n != 0 {
		t.Errorf("%d challenges after a day", n)
	}
	if _, err := os.Stat(filepath.Join(directory, "secret.json")); err != nil {
		t.Error(err)
	}
}

// No path leads out of the directory of challenges.
func FuzzChallengeAnswer(f *testing.F) {
	c, _ := newChallenges(f)
	for _, seed := range []string{"token_1-A", "../secret", "..%2f..%2fsecret", "a\x00b", strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		r := httptest.NewRequest("GET", "http://www.example.com/", nil)
		r.URL.Path = challengePath + token
		w := httptest.NewRecorder()
		if c.answer(w, r); strings.Contains(w.Body.String(), "secret") || w.Body.Len() > 0 && token != "token_1-A" {
			t.Errorf("%q is answered with %q", token, w.Body)
		}
	})
}
