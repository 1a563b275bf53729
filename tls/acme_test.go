package tls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"

	"gild/logs"
)

// Errors that people can do something about say what.
func TestRemedies(t *testing.T) {
	c, _ := newChallenges(t)
	ask := func(directory string) error {
		a := newAuthority(directory, "", nil, c, settings{}.complete(), slog.New(slog.DiscardHandler))
		_, err := a.obtain(context.Background(), order{names: []string{"www.example.com"}, key: newECKey(t)})
		return err
	}
	strange := httptest.NewTLSServer(http.NotFoundHandler())
	strange.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer strange.Close()
	for _, q := range []struct {
		err  error
		want string
	}{
		{ask(strange.URL), "--acme-ca-root"},
		{ask("https://" + freeAddress(t) + "/dir"), "cannot be reached"},
		{fmt.Errorf("solving challenge: %w", acme.Problem{Type: acme.ProblemTypeCAA}), "CAA record"},
		{acme.Problem{Type: acme.ProblemTypeRateLimited}, "limits are used up"},
		{acme.Problem{Type: "urn:ietf:params:acme:error:new"}, ""},
		{errors.New("something else"), ""},
	} {
		if got := remedy(q.err); q.err == nil || q.want == "" != (got == "") || !strings.Contains(got, q.want) {
			t.Errorf("%v: %q", q.err, got)
		}
	}
}

// Directories have names that are good for paths, and no two that differ the same one.
func TestAuthorityKey(t *testing.T) {
	for directory, want := range map[string]string{
		"https://acme-v02.api.letsencrypt.org/directory": "acme-v02.api.letsencrypt.org-directory",
		"https://127.0.0.1:14000/dir":                    "127.0.0.1:14000-dir",
		"https://ca.example/a/b/":                        "ca.example-a-b",
		"%":                                              fingerprint("%"),
	} {
		if got := authorityKey(directory); got != want {
			t.Errorf("%s is %s", directory, got)
		}
	}
	if fingerprint("a", "bc") == fingerprint("ab", "c") {
		t.Error("two sets of names have the same fingerprint")
	}
}

// Waiting grows with failures, up to six hours.
func TestRetry(t *testing.T) {
	for failures, least := range map[int]time.Duration{0: time.Minute, 1: 2 * time.Minute, 5: 30 * time.Minute, 9: 6 * time.Hour, 1000: 6 * time.Hour} {
		for range 100 {
			if got := retry(failures); got < least || got >= least+least/4 {
				t.Errorf("%v after %d failures", got, failures)
			}
		}
	}
}

// What certmagic logs becomes a line of ours, with its fields, at a level that fits.
func TestCore(t *testing.T) {
	d := newDiary(t)
	z := zap.New(core{log: d})
	z.Debug("steps")
	z.With(zap.String("b", "2")).Info("progress", zap.Int("a", 1))
	z.Warn("strange", zap.Error(errors.New("why")))
	z.Named("renew").Error("failed")
	want := []string{"[ssl:debug] progress a=1 b=2", "[ssl:warn] strange error=why", "[ssl:info] renew: failed"}
	if got := d.all(logs.Trace8); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q", got)
	}
}
