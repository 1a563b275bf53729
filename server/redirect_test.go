package server

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzLocation: whatever a target holds, the client is led to the host that was meant, and reads one line.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"/", "/a?b=c", "//evil.example/", "http://evil.example/", "http:\\\\evil.example", "@evil.example", ":81/", "/\r\nX: y", "/a#b", "/\xff",
		"https://evil.example#/", "http://a://evil.example", "*", "", "/%", "mailto:a@b", "?a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		const origin = "https://www.site.example:8443/"
		got := location("https", "www.site.example", "8443", target)
		if !strings.HasPrefix(got, origin) {
			t.Fatalf("%q leads to %q", target, got)
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] >= 0x7f || got[i] == '#' {
				t.Fatalf("%q leads to %q", target, got)
			}
		}
		asked, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Path != asked.Path || u.RawQuery != escapeTarget(asked.RawQuery) || u.Host != "www.site.example:8443" || u.User != nil {
			t.Errorf("%q leads to %q: %v", target, got, err)
		}
	})
}

// TestRedirectPage: what stands in a link stays in it.
func TestRedirectPage(t *testing.T) {
	s := newAsked(t, []string{"name=www.site.example"})
	ss, r := siteRequest(t, []string{"GET", `/"><script>&`, "site.example"})
	w := httptest.NewRecorder()
	s.serveStream(ss, w, r)
	const want = `<a href="http://www.site.example:8000/&#34;&gt;&lt;script&gt;&amp;">`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("the page has no %s:\n%s", want, w.Body)
	}
}
