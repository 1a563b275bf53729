package config

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzTarget feeds targets of proxies. What is accepted can be written down, and read again as the same.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"http://a", "https://a:1/b/", "unix:/s|http://a/", "http://[::1]:80", "http://a/%2f", "http://A/", "http://a:", "http://a/b//",
		"unix:|http://a", "http://a?", "http://a/?#", "http:///", "HTTP://a", "http://a/ü", "http://a b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		target, socket, err := parseTarget(word)
		if err != nil {
			return
		}
		p := Proxy{URL: target, Socket: socket}
		if again, same, err := parseTarget(p.Target()); err != nil || again != target || same != socket {
			t.Errorf("%q is %q, which is %q, %q, %v", word, p.Target(), again, same, err)
		}
		u, err := url.Parse(target)
		if err != nil || u.Host == "" || strings.HasSuffix(u.Path, "/") || u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("%q is %q, %v", word, target, err)
		}
	})
}

// FuzzMountPoint feeds mount points. What is accepted is in its one form, in which it can be compared with a request's path.
func FuzzMountPoint(f *testing.F) {
	for _, seed := range []string{"/", "/a", "/a/", "//a/../b//", "/.", "/a/.", "/ü", "a", "/a?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		mount, err := parseMountPoint(word)
		if err != nil {
			return
		}
		if again, err := parseMountPoint(mount); err != nil || again != mount {
			t.Errorf("%q is %q, which is %q, %v", word, mount, again, err)
		}
		if mount[0] != '/' || strings.Contains(mount, "//") || strings.Contains(mount+"/", "/../") {
			t.Errorf("%q is %q", word, mount)
		}
	})
}
