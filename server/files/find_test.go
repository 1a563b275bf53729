package files

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gild/logs"
)

var update = flag.Bool("u", false, "rewrite the expected answers in testdata")

// TestFind asks the questions of testdata/find/*.txt. These lines make the world, in a directory of its own:
//
//	file PATH, directory PATH, fifo PATH, socket PATH
//	link PATH TARGET
//	tree WORD...               the Tree that is asked from here on: root=PATH, alias=URL-PATH:PATH, index=NAME, scripts=.EXT, listing
//
// Any other line that is neither empty nor a comment is a path of the site, with "yield" after it if directories belong to somebody
// else; the indented line below it is what is found.
func TestFind(t *testing.T) {
	names, err := filepath.Glob("testdata/find/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, name := range names {
		short := strings.TrimSuffix(filepath.Base(name), ".txt")
		t.Run(short, func(t *testing.T) { runFind(t, name, false) })
		t.Run(short+"/os.Root", func(t *testing.T) { runFind(t, name, true) })
	}
}

// runFind plays a file: with openat2(2), or with os.Root alone, as on an old kernel.
func runFind(t *testing.T, name string, old bool) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), old: old}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		switch words := strings.Fields(line); {
		case line[0] == ' ':
			continue
		case len(words) > 0 && line[0] == '/':
			line += "  " + w.ask(words) + "\n"
		case len(words) > 0 && line[0] != '#':
			w.build(words)
		}
		out.WriteString(line)
	}
	if *update {
		if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if out.String() != string(text) {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), text)
	}
}

// A world is a directory and the tree that serves it.
type world struct {
	t    *testing.T
	dir  string
	tree *Tree
	old  bool // there is no openat2(2)
}

func (w *world) build(words []string) {
	path := filepath.Join(w.dir, words[1])
	if words[0] == "tree" {
		w.tree = New(w.options(words[1:]))
		if w.old {
			w.tree.age()
		}
		return
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = makers[words[0]](path, words)
	}
	if err != nil {
		w.t.Fatalf("%s: %v", words, err)
	}
}

// age has openat2(2) fail.
func (t *Tree) age() {
	for _, p := range append(t.aliases, t.root) {
		if p != nil && p.seen.Load().root != nil {
			p.seen.Load().root.fd = -1
		}
	}
}

var makers = map[string]func(path string, words []string) error{
	"file":      func(path string, _ []string) error { return os.WriteFile(path, nil, 0o644) },
	"directory": func(path string, _ []string) error { return os.MkdirAll(path, 0o755) },
	"fifo":      func(path string, _ []string) error { return syscall.Mkfifo(path, 0o644) },
	"link":      func(path string, words []string) error { return os.Symlink(words[2], path) },
	"socket": func(path string, _ []string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err == nil {
			l.SetUnlinkOnClose(false)
			err = l.Close()
		}
		return err
	},
}

func (w *world) options(words []string) Options {
	o := Options{Log: quiet{}}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "root":
			o.Root = filepath.Join(w.dir, value)
		case "alias":
			urlPath, path, _ := strings.Cut(value, ":")
			o.Aliases = append(o.Aliases, Alias{urlPath, filepath.Join(w.dir, path)})
		case "index":
			o.Index = value
		case "scripts":
			o.Scripts = func(name string) bool { return strings.HasSuffix(name, value) }
		case "listing":
			o.Listing = true
		default:
			w.t.Fatalf("there is no %q of a tree", word)
		}
	}
	return o
}

// ask is what is found, in a line.
func (w *world) ask(words []string) string {
	f := w.tree.Find(words[0], len(words) > 1)
	defer f.Close()
	switch f.Kind {
	case Absent:
		return "absent"
	case Unslashed:
		return "needs a slash"
	case Refused:
		return strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, strings.ReplaceAll(f.Reason, w.dir+"/", "")))
	}
	text := map[Kind]string{File: "file", Directory: "directory"}[f.Kind] + " " + strings.TrimPrefix(f.Path(), w.dir+"/") + " at " + f.URLPath
	if f.PathInfo != "" {
		text += " and " + f.PathInfo
	}
	if f.Alias {
		text += " (alias)"
	}
	return text
}

// TestPlaceIsLookedAtAgain: a directory that comes later is found, so is one that takes its place, and one that is gone is not.
func TestPlaceIsLookedAtAgain(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "current")
	var log testLog
	tree := New(Options{Root: root, Log: &log})
	later := func(want Kind) {
		t.Helper()
		tree.root.again.Store(0) // a second has passed
		f := tree.Find("/a", true)
		defer f.Close()
		if f.Kind != want {
			t.Errorf("got %d, want %d", f.Kind, want)
		}
	}
	later(Absent)
	for _, release := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, release), 0o755); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(root)
		if err := os.Symlink(release, root); err != nil {
			t.Fatal(err)
		}
		later(Absent)
		if err := os.WriteFile(filepath.Join(dir, release, "a"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		later(File)
	}
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	later(Absent)
	if err := os.WriteFile(root, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	later(Absent)
	later(Absent)
	if want := "error: No files of '" + root + "' are served: it is neither a file nor a directory, but -rw-r--r--\n"; string(log) != want {
		t.Errorf("the log is %q, want %q", log, want)
	}
}

// testLog is the text of an error log.
type testLog string

func (l *testLog) Enabled(logs.Level) bool { return true }
func (l *testLog) Log(r logs.Record)       { *l += testLog(fmt.Sprintf("%s: %s\n", r.Level, r.Message)) }

// FuzzFind: whatever the path, nothing outside of the directory is found, and nothing hidden.
func FuzzFind(f *testing.F) {
	for _, seed := range []string{"/", "/a", "/../secret", "/up/secret", "/d/../../secret", "/.hidden", "/d/.hidden", "/a.php/x/../..", "/out", "//", "/d//", "/a\x00"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	w := &world{dir: dir}
	for _, line := range []string{"file secret", "file www/a", "file www/a.php", "file www/d/b", "file www/.hidden", "file www/d/.hidden", "link www/up ..",
		"link www/out ../secret", "link www/absolute /etc/passwd"} {
		w.build(strings.Fields(line))
	}
	tree := New(w.options([]string{"root=www", "scripts=.php", "index=b", "listing"}))
	f.Fuzz(func(t *testing.T, path string) {
		if !strings.HasPrefix(path, "/") || strings.IndexByte(path, 0) >= 0 {
			return // Find is asked for no other
		}
		found := tree.Find(path, false)
		defer found.Close()
		if found.Kind != File {
			return
		}
		info, err := found.file.Stat()
		if err != nil || info.Name() == "secret" || info.Name() == "passwd" || strings.HasPrefix(info.Name(), ".") {
			t.Errorf("%q leads to %s: %v", path, found.file.Name(), err)
		}
	})
}
