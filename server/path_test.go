package server

import (
	"path"
	"strings"
	"testing"
)

var pathCases = []struct {
	path, want string // want "" is a failure
}{
	{"/", "/"},
	{"/a", "/a"},
	{"/a/", "/a/"},
	{"//", "/"},
	{"/a//b", "/a/b"},
	{"/./a", "/a"},
	{"/a/.", "/a/"},
	{"/a/..", "/"},
	{"/a/../", "/"},
	{"/a/b/../c", "/a/c"},
	{"/a/b/..", "/a/"},
	{"/.a/..b/...", "/.a/..b/..."},
	{"/..", ""},
	{"/a/../..", ""},
	{"/a//../..", ""},
}

func TestNormalize(t *testing.T) {
	for _, c := range pathCases {
		got, ok := normalize(c.path)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("normalize(%q) = %q, %t, want %q", c.path, got, ok, c.want)
		}
	}
}

// FuzzNormalize compares with the standard library, which knows no trailing slashes and stops at the root.
func FuzzNormalize(f *testing.F) {
	for _, c := range pathCases {
		f.Add(c.path)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if !strings.HasPrefix(p, "/") {
			return
		}
		got, ok := normalize(p)
		if !ok {
			if !strings.Contains(p, "/..") {
				t.Fatalf("normalize(%q) failed", p)
			}
			return
		}
		if path.Clean(got) != path.Clean(p) {
			t.Fatalf("normalize(%q) = %q, not %q", p, got, path.Clean(p))
		}
		if again, ok := normalize(got); !ok || again != got {
			t.Fatalf("normalize(%q) = %q, and that of it %q, %t", p, got, again, ok)
		}
		if strings.HasPrefix(got, "//") || strings.Contains(got, "/../") || strings.Contains(got, "/./") {
			t.Fatalf("normalize(%q) = %q", p, got)
		}
	})
}
