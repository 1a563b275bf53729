package files

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gild/logs"
)

// quiet is an error log that nobody reads.
type quiet struct{}

func (quiet) Enabled(logs.Level) bool { return false }
func (quiet) Log(logs.Record)         {}

// benchTree is a document root with a file in its directory and one three directories below.
func benchTree(b *testing.B) *Tree {
	dir := b.TempDir()
	for _, name := range []string{"a.css", "one/two/three/a.css"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", 4096)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return New(Options{Root: dir, Log: quiet{}})
}

// BenchmarkFind is what a request costs that finds a file, and what the application's requests cost where there is none.
func BenchmarkFind(b *testing.B) {
	for name, path := range map[string]string{"root": "/a.css", "deep": "/one/two/three/a.css", "missing": "/api/v1/users", "directory": "/api/", "hidden": "/.x"} {
		b.Run(name, func(b *testing.B) {
			t := benchTree(b)
			b.ReportAllocs()
			for b.Loop() {
				f := t.Find(path, true)
				f.Close()
			}
		})
	}
	b.Run("no root", func(b *testing.B) {
		t := New(Options{Root: "/nonexistent", Log: quiet{}})
		b.ReportAllocs()
		for b.Loop() {
			t.Find("/api/v1/users", true)
		}
	})
}

// discard is a response that goes nowhere.
type discard struct{ header http.Header }

func (d discard) Header() http.Header                     { return d.header }
func (d discard) Write(p []byte) (int, error)             { return len(p), nil }
func (d discard) WriteHeader(int)                         {}
func (d discard) ReadFrom(r io.Reader) (n int64, _ error) { return r.(*io.LimitedReader).N, nil }

// BenchmarkSend is finding a file and all of sending it but the body.
func BenchmarkSend(b *testing.B) {
	for name, accepts := range map[string]string{"plain": "", "siblings": "gzip, deflate, br, zstd"} {
		b.Run(name, func(b *testing.B) {
			t := benchTree(b)
			r := httptest.NewRequest("GET", "/a.css", nil)
			if accepts != "" {
				r.Header.Set("Accept-Encoding", accepts)
			}
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				f := t.Find("/a.css", true)
				if _, err := f.Send(w, r); err != nil {
					b.Fatal(err)
				}
				f.Close()
			}
		})
	}
}
