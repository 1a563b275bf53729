package server

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseHost: what is accepted is a name or an address in one form, and which host a request is for does not depend
// on how the name is written.
func FuzzParseHost(f *testing.F) {
	for _, seed := range []string{"", "site.example", "SITE.example.:80", "a.site.example", "[::1]:80", "[::ffff:192.0.2.1]", "[fe80::1%25e]", "a..b", "a@b",
		"evil.example#.site.example", "xn--bcher-kva.example", strings.Repeat("a.", 126) + "aa", strings.Repeat("a", 64), "1.2.3.4:65536", "*"} {
		f.Add(seed)
	}
	h := newHosts(&Site{Name: "www.site.example", Aliases: []string{"*.site.example", "x?.example"}})
	x := &Exchange{Request: httptest.NewRequest("GET", "/", nil)}
	f.Fuzz(func(t *testing.T, field string) {
		name, port, ok := parseHost(field)
		if !ok || field == "" {
			return
		}
		addr, err := netip.ParseAddr(name)
		if is6 := err == nil && addr.Is6(); is6 && addr.String() != name || !is6 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("%q: the name %q", field, name)
		}
		if strings.Trim(port, "0123456789") != "" || len(name) > maxName {
			t.Errorf("%q: the name %q, the port %q", field, name, port)
		}
		again := name
		if err == nil && addr.Is6() {
			again = "[" + name + "]"
		}
		if second, _, ok := parseHost(strings.ToUpper(again)); !ok || second != name {
			t.Errorf("%q is %q, and that is %q, %t", field, name, second, ok)
		}
		ends := strings.HasSuffix(name, ".site.example") || name == "site.example" || len(name) == len("x1.example") && strings.HasSuffix(name, ".example")
		if h.standing(name, x) != foreign && !ends {
			t.Errorf("%q is served as %q", field, name)
		}
	})
}

// TestParseHostLimits: the longest name there can be, and one character more.
func TestParseHostLimits(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := label + "." + label + "." + label + "." + label[:61]
	for host, want := range map[string]bool{
		label: true, label + "a": false,
		longest: true, longest + ".": true, longest + "a": false,
	} {
		if name, _, ok := parseHost(host); ok != want || ok && name != strings.TrimSuffix(host, ".") {
			t.Errorf("parseHost(%q) = %q, %t, want %t", host, name, ok, want)
		}
	}
}
