package rewrite

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("u", false, "take what comes for right")

// TestGolden plays the files of testdata. A section "rules NAME" is a file of rules; "requests NAME" has a line for each request, the
// target and NAME=value variables, and after it, indented, what becomes of it. "errors NAME" is what Parse complains about. Files of the
// document root are sections "root/PATH". Lines that begin with # say what a case is about.
//
// The outcomes of files whose first line says so were those of httpd 2.4.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	var rules *Rules
	var complaints string
	changed := false
	for i := range archive.Files {
		f := &archive.Files[i]
		kind, name, _ := strings.Cut(f.Name, " ")
		got := string(f.Data)
		switch {
		case kind == "rules":
			rules, complaints = parseText(name, string(f.Data))
		case kind == "errors":
			got = complaints
			complaints = ""
		case kind == "requests":
			if complaints != "" {
				t.Fatalf("%s: %s", f.Name, complaints)
			}
			got = playRequests(rules, root, string(f.Data))
		default:
			writeFile(t, filepath.Join(root, strings.TrimPrefix(f.Name, "root/")), f.Data)
		}
		if got != string(f.Data) {
			changed = true
			if !*update {
				t.Errorf("%s: got\n%s\nwant\n%s", f.Name, got, f.Data)
			}
			f.Data = []byte(got)
		}
	}
	if changed && *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func parseText(name, text string) (*Rules, string) {
	rules, err := Parse(name, text)
	var b strings.Builder
	if err != nil {
		fmt.Fprintln(&b, err)
	}
	for _, note := range rules.Notes() {
		fmt.Fprintln(&b, "note:", note)
	}
	return rules, b.String()
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// playRequests puts what comes below each request line.
func playRequests(rules *Rules, root, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "\t"):
		case strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "":
			b.WriteString(line)
		default:
			b.WriteString(line)
			playRequest(&b, rules, root, strings.Fields(line))
		}
	}
	return b.String()
}

// playRequest applies the rules until they change nothing any more, as the server does.
func playRequest(b *strings.Builder, rules *Rules, root string, words []string) {
	path, query, _ := strings.Cut(words[0], "?")
	path, _ = url.PathUnescape(path)
	variables := map[string]string{"REQUEST_SCHEME": "http", "SERVER_NAME": "site.example", "SERVER_PORT": "80", "HTTP_HOST": "site.example",
		"REQUEST_METHOD": "GET", "HTTPS": "off", "REMOTE_ADDR": "127.0.0.1", "THE_REQUEST": "GET " + words[0] + " HTTP/1.1"}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		variables[name] = value
	}
	request := &Request{Path: path, Query: query, Base: "/", Directory: root, Origin: "http://site.example",
		Variable: func(name string) string { return variables[name] }}
	for range 10 {
		o, err := rules.Apply(request)
		if err != nil {
			fmt.Fprintf(b, "\terror: %v\n", err)
			return
		}
		fmt.Fprint(b, strings.ReplaceAll(describe(&o), root, "$ROOT"))
		if o.Status != 0 || !o.Changed || o.End {
			return
		}
		for _, v := range o.Variables {
			variables["ENV:REDIRECT_"+v.Name] = v.Value
		}
		variables["ENV:REDIRECT_STATUS"] = "200"
		request.Path, request.Query = o.Path, o.Query
	}
	fmt.Fprintln(b, "\tloop")
}

// describe is an outcome in words, a line each.
func describe(o *Outcome) string {
	var b strings.Builder
	for _, v := range o.Variables {
		if v.Unset {
			fmt.Fprintf(&b, "\tunset %s\n", v.Name)
		} else {
			fmt.Fprintf(&b, "\tset %s=%s\n", v.Name, v.Value)
		}
	}
	for _, c := range o.Cookies {
		fmt.Fprintf(&b, "\tcookie %s\n", c)
	}
	if o.Handler+o.MediaType != "" {
		fmt.Fprintf(&b, "\thandler %q type %q\n", o.Handler, o.MediaType)
	}
	if len(o.Vary) > 0 {
		fmt.Fprintf(&b, "\tvary %s\n", strings.Join(o.Vary, ", "))
	}
	switch {
	case o.Location != "":
		fmt.Fprintf(&b, "\t%d %s\n", o.Status, o.Location)
	case o.Status != 0:
		fmt.Fprintf(&b, "\t%d\n", o.Status)
	case o.Changed:
		fmt.Fprintf(&b, "\t%s\n", strings.TrimSuffix(o.Path+"?"+o.Query, "?"))
	case b.Len() == 0:
		fmt.Fprintln(&b, "\tunchanged")
	}
	return b.String()
}

// FuzzParse: whatever the rules are, they are read without a panic, and applied within bounds.
func FuzzParse(f *testing.F) {
	f.Add("RewriteEngine On\nRewriteCond %{HTTP_HOST} !^www\\. [NC,OR]\nRewriteRule ^(.*)$ /$1?a=b [QSA,R=301,E=X:%1]", "/a/b", "q=1")
	f.Add("RewriteEngine On\nRewriteRule (?!x)y - [F]\nRewriteRule . a [N=3]", "/y", "")
	f.Fuzz(func(t *testing.T, text, path, query string) {
		rules, err := Parse("rules", text)
		if err != nil || strings.Contains(text, "[N") || strings.Contains(text, "[n") {
			return
		}
		request := &Request{Path: "/" + path, Query: query, Base: "/", Variable: func(name string) string { return name }}
		o, err := rules.Apply(request)
		if err == nil && strings.ContainsAny(o.Location+strings.Join(o.Cookies, ""), "\r\n\x00") {
			t.Errorf("a field of a header cannot have %q %q", o.Location, o.Cookies)
		}
	})
}
