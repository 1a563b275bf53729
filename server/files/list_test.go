package files

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rows are the names in a listing, in its order, and what else is in their rows, for a query.
func rows(t *testing.T, tree *Tree, query string) string {
	t.Helper()
	f := tree.Find("/d/", false)
	defer f.Close()
	w := httptest.NewRecorder()
	if status, err := f.Send(w, httptest.NewRequest("GET", "/d/?"+query, nil)); status != 0 || err != nil || w.Code != 200 {
		t.Fatalf("%s: got %d, %d, %v", query, status, w.Code, err)
	}
	var names []string
	for line := range strings.Lines(w.Body.String()) {
		if _, rest, ok := strings.Cut(line, `<tr><td><a href="`); ok {
			_, rest, _ = strings.Cut(rest, ">")
			name, _, _ := strings.Cut(rest, "<")
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// TestListingOrder: each order that mod_autoindex knows, directories first, and what it does not know is by name.
func TestListingOrder(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b", "C", "a", "A"} {
		path := filepath.Join(dir, "d", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", 10*(i%3))), 0o644); err != nil {
			t.Fatal(err)
		}
		at := longAgo.Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"directory d/z", "directory d/y", "link d/link z", "link d/l b", "link d/out ../../x", "link d/dangling x", "file d/.x", "fifo d/p"} {
		(&world{t: t, dir: dir}).build(strings.Fields(line))
	}
	for path, at := range map[string]time.Time{"d/z": longAgo, "d/y": longAgo.Add(time.Hour)} {
		if err := os.Chtimes(filepath.Join(dir, path), at, at); err != nil {
			t.Fatal(err)
		}
	}
	tree := New(Options{Root: dir, Listing: true, Log: quiet{}})
	for query, want := range map[string]string{
		"":              "../ link/ y/ z/ A a b C l",
		"C=N;O=A":       "../ link/ y/ z/ A a b C l",
		"C=N;O=D":       "../ z/ y/ link/ l C b a A",
		"C=M&O=A":       "../ link/ z/ y/ A a C b l",
		"C=M;O=D":       "../ y/ link/ z/ b l C a A",
		"C=S;O=A":       "../ link/ y/ z/ A b l C a",
		"O=D;C=S":       "../ link/ y/ z/ a C A b l",
		"C=D;O=X;F=2;x": "../ link/ y/ z/ A a b C l",
	} {
		if got := rows(t, tree, query); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}

// TestListingBound: of a directory with more entries than are listed, so many are, and it is said.
func TestListingBound(t *testing.T) {
	tree, _ := oneFile(t, longAgo)
	const files = 2*fewEntries + 500
	for i := range files - 1 {
		if err := os.WriteFile(filepath.Join(tree.root.path, fmt.Sprint(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree.listing = true
	for most, want := range map[int]int{fewEntries + 1: fewEntries + 1, files: files, mostEntries: files} {
		f := tree.Find("/", false)
		l := listing{urlPath: "/", most: most}
		if err := l.read(context.Background(), &f); err != nil || len(l.entries) != want || l.more != (want < files) {
			t.Errorf("at most %d: got %d, more: %v, %v", most, len(l.entries), l.more, err)
		}
		l.release()
		f.Close()
	}
	for range mostListings {
		tree.listings <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := tree.Find("/", false)
	defer f.Close()
	w := httptest.NewRecorder()
	if _, err := f.Send(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx)); err == nil {
		t.Error("a large directory is listed although too many are")
	}
}

// FuzzEntry: whatever the name of a file, its link leads to it, and the page around it stays what it is.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{"a", `"><script>`, "a b", "javascript:alert(1)", "%2e%2e", "\xff", "?q", "#f", "ü", "&amp;", "a\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return // no name of a file
		}
		l := listing{urlPath: "/d/", entries: []entry{{name: name}}}
		var page bytes.Buffer
		if err := l.write(&page); err != nil {
			t.Fatal(err)
		}
		_, row, _ := strings.Cut(page.String(), `<td class="date"></td><td></td></tr>`+"\n"+`<tr><td><a href="`)
		href, rest, _ := strings.Cut(row, `">`)
		text, _, _ := strings.Cut(rest, "</a>")
		if strings.ContainsAny(href, `<>"' `) || strings.ContainsAny(text, `<>"'`) {
			t.Errorf("%q is linked as %s with the text %s", name, href, text)
		}
		r, err := http.NewRequest("GET", "http://site/d/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := r.URL.Parse(strings.ReplaceAll(href, "&amp;", "&")); err != nil || u.Path != "/d/"+name || u.Host != "site" || u.RawQuery != "" {
			t.Errorf("%q is linked as %s: %v", name, href, err)
		}
	})
}

// TestHumanSize: sizes in three digits at most, of the unit that fits.
func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 10188: "9.9 KiB", 10189: "10 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB",
		1<<63 - 1: "8.0 EiB"} {
		if got := humanSize(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
