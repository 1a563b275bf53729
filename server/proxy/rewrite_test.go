package proxy

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// at is where the client finds the backend in the tests of this file.
func at(mount string) *Origin {
	path := (&url.URL{Path: strings.TrimSuffix(mount, "/")}).EscapedPath()
	return &Origin{Client: "192.0.2.1", Scheme: "https", Host: "site.example:8443", Server: "site.example", Port: "8443", Mount: path}
}

// aCase is a line of a file: what comes, and what becomes of it.
type aCase struct {
	backend  *Backend
	from     *Origin
	in, want string
}

// cases reads a file of testdata.
func cases(t testing.TB, file string) (list []aCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var b *Backend
	var from *Origin
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		in, want, pair := strings.Cut(line, "  ")
		target, mount, _ := strings.Cut(line, " ")
		switch {
		case line == "" || line[0] == '#':
		case pair:
			list = append(list, aCase{b, from, in, strings.TrimSpace(want)})
		default:
			from = at(mount)
			if b, err = New(Options{URL: target, Mount: mount}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// TestReverse: each field of a response is made one of the site, or left alone.
func TestReverse(t *testing.T) {
	for _, c := range cases(t, "reverse.txt") {
		name, value, _ := strings.Cut(c.in, ": ")
		h := http.Header{name: {value}}
		c.backend.reverse(h, c.from)
		if got := name + ": " + h.Get(name); got != c.want {
			t.Errorf("%s at %s: %s\n got %s\nwant %s", c.backend, c.from.Mount, c.in, got, c.want)
		}
	}
}

// TestReverseWithoutHost: a client of HTTP/1.0 that has named no host gets a path.
func TestReverseWithoutHost(t *testing.T) {
	b, err := New(Options{URL: "http://back", Mount: "/mp"})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.public("http://back/a", &Origin{Scheme: "http", Mount: "/mp"}); got != "/mp/a" {
		t.Errorf("got %q", got)
	}
}

// TestAddress: what follows the mount point follows the target, byte for byte.
func TestAddress(t *testing.T) {
	for _, c := range cases(t, "address.txt") {
		in, err := url.ParseRequestURI(c.in)
		if err != nil {
			t.Fatal(err)
		}
		out := *in
		c.backend.address(&out, in)
		if got := out.RequestURI(); got != c.want || out.Host != c.backend.url.Host {
			t.Errorf("%s at %s: %s\n got %s\nwant %s", c.backend, c.from.Mount, c.in, got, c.want)
		}
	}
}

// TestClean: what could be taken for ours is gone, whatever its letters; the rest stays.
func TestClean(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{"x-forwarded-for", "X-FORWARDED-ANYTHING", "forwarded", "x-real-ip", "x-client-ip", "x-https", "x-scheme", "x-host",
		"x-script-name", "proxy", "X_Forwarded_For", "X.Y", "Accept", "X-Own", "Via"} {
		h.Set(name, "1")
	}
	clean(h)
	if len(h) != 3 || h.Get("Accept") == "" || h.Get("X-Own") == "" || h.Get("Via") == "" {
		t.Errorf("what is left is %v", h)
	}
}

// TestIntroduce: addresses of all kinds are written as RFC 7239 section 6 says.
func TestIntroduce(t *testing.T) {
	for _, c := range []struct {
		from             Origin
		chain, forwarded string
	}{
		{Origin{Client: "192.0.2.1", Scheme: "http", Host: "a"}, "192.0.2.1", "for=192.0.2.1;host=a;proto=http"},
		{Origin{Client: "2001:db8::1", Scheme: "https", Host: "[::1]:80"}, "2001:db8::1", `for="[2001:db8::1]";host="[::1]:80";proto=https`},
		{Origin{Client: "192.0.2.1", Proxy: "10.0.0.1", Scheme: "http"}, "192.0.2.1, 10.0.0.1", "for=192.0.2.1;proto=http"},
		{Origin{Client: `evil", for=`, Scheme: "http"}, "unknown", "for=unknown;proto=http"},
		{Origin{Client: "unknown", Proxy: "10.0.0.1", Scheme: "http"}, "unknown, 10.0.0.1", "for=unknown;proto=http"},
	} {
		h := http.Header{}
		(&passage{backend: &Backend{}, from: &c.from}).introduce(h)
		if got := h.Get("X-Forwarded-For"); got != c.chain {
			t.Errorf("%+v: X-Forwarded-For is %q, want %q", c.from, got, c.chain)
		}
		if got := h.Get("Forwarded"); got != c.forwarded {
			t.Errorf("%+v: Forwarded is %q, want %q", c.from, got, c.forwarded)
		}
	}
}

// FuzzPublic feeds references. What is changed leads to the site, below the mount point, and says the same behind the path.
func FuzzPublic(f *testing.F) {
	for _, c := range cases(f, "reverse.txt") {
		if _, ref, ok := strings.Cut(c.in, "ocation: "); ok {
			f.Add(ref)
		}
	}
	b, err := New(Options{URL: "http://back:9000/base", Mount: "/mp"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		got := b.public(ref, at("/mp"))
		if got == ref {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.Host != "" && u.Host != "site.example:8443" || !isBelow(u.EscapedPath(), "/mp") {
			t.Errorf("%q became %q, %v", ref, got, err)
		}
		if tail(ref) != tail(got) {
			t.Errorf("%q became %q, which ends otherwise", ref, got)
		}
	})
}

// FuzzCookie feeds Set-Cookie fields. Name and value stay, and no attribute is added.
func FuzzCookie(f *testing.F) {
	for _, c := range cases(f, "reverse.txt") {
		if cookie, ok := strings.CutPrefix(c.in, "Set-Cookie: "); ok {
			f.Add(cookie)
		}
	}
	b, err := New(Options{URL: "http://back:9000/base", Mount: "/mp"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		got := b.publicCookie(cookie, at("/mp"))
		name, _, _ := strings.Cut(cookie, ";")
		if kept, _, _ := strings.Cut(got, ";"); kept != name || strings.Count(got, ";") > strings.Count(cookie, ";") {
			t.Errorf("%q became %q", cookie, got)
		}
	})
}

// FuzzAddress feeds targets of requests below the mount point. The backend's begins with its own path, and ends as the client's.
func FuzzAddress(f *testing.F) {
	for _, c := range cases(f, "address.txt") {
		f.Add(strings.TrimPrefix(c.in, "/mp"))
	}
	b, err := New(Options{URL: "http://back/base", Mount: "/mp"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		in, err := url.ParseRequestURI("/mp/" + rest)
		if err != nil {
			return
		}
		out := *in
		b.address(&out, in)
		if got, want := out.Path, "/base"+strings.TrimPrefix(in.Path, "/mp"); got != want {
			t.Errorf("%q leads to %q, want %q", in, got, want)
		}
		if got, want := out.RequestURI(), "/base"+strings.TrimPrefix(in.RequestURI(), "/mp"); got != want {
			t.Errorf("%q is sent as %q, want %q", in, got, want)
		}
	})
}
