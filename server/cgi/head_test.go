package cgi

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("u", false, "rewrite the expected answers in testdata")

// printed is the output of a program that has printed all of it.
type printed struct{ io.Reader }

func (printed) Buffered() int { return 0 }
func (printed) Close() error  { return nil }

var escapes = strings.NewReplacer(`\r`, "\r", `\t`, "\t", `\x00`, "\x00")

// TestHeads plays the cases of testdata/heads.txtar.
func TestHeads(t *testing.T) {
	const file = "testdata/heads.txtar"
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	outputs := map[string]string{}
	for i, f := range archive.Files {
		kind, name, _ := strings.Cut(f.Name, " ")
		if kind == "case" {
			outputs[name] = escapes.Replace(string(f.Data))
			continue
		}
		got := describe(outputs[name])
		if want := string(f.Data); got != want && !*update {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
		archive.Files[i].Data = []byte(got)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// describe is what becomes of an output, as text.
func describe(output string) string {
	r, err := ReadResponse(printed{strings.NewReader(output)})
	var e *Error
	if errors.As(err, &e) {
		return fmt.Sprintf("error %d: %s\n", e.Status, e.Message)
	} else if err != nil {
		return "another error: " + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprint(r.Status, " ", r.Reason)))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
	}
	if r.Local != "" {
		fmt.Fprintln(&b, "local:", r.Local)
	}
	if r.Dropped != nil {
		fmt.Fprintln(&b, "dropped:", r.Dropped)
	}
	if body, _ := io.ReadAll(r); len(body) > 0 {
		fmt.Fprintf(&b, "body: %q\n", body)
	}
	return b.String()
}

// TestLongHeads: neither a line nor the head as a whole is kept beyond its bound.
func TestLongHeads(t *testing.T) {
	for name, output := range map[string]string{
		"line": "X-Word: " + strings.Repeat("x", maxLine) + "\n\n",
		"head": strings.Repeat("X-Word: "+strings.Repeat("x", 1000)+"\n", 100) + "\n",
	} {
		if got := describe(output); !strings.HasPrefix(got, "error 500: Response header") {
			t.Errorf("a long %s: got %s", name, got)
		}
	}
}

// FuzzReadResponse: whatever a program prints, there is an *Error or a response that is fit to be sent, and the rest of the output.
func FuzzReadResponse(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/heads.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add([]byte(escapes.Replace(string(file.Data))))
	}
	f.Fuzz(func(t *testing.T, output []byte) {
		r, err := ReadResponse(printed{bytes.NewReader(output)})
		var e *Error
		switch {
		case err != nil && (!errors.As(err, &e) || e.Status < 400 || e.Message == ""):
			t.Fatalf("got %v", err)
		case err != nil:
			return
		case r.Status < 200 || r.Status > 999 || hasControl(r.Reason):
			t.Errorf("status %d %q", r.Status, r.Reason)
		case r.Local != "" && (r.Local[0] != '/' || strings.HasPrefix(r.Local, "//") || r.Status != 200):
			t.Errorf("status %d and the path %q", r.Status, r.Local)
		}
		for name, values := range r.Header {
			if !isToken(name) || slices.ContainsFunc(values, hasControl) {
				t.Errorf("field %q: %q", name, values)
			}
		}
		if rest, err := io.ReadAll(r); err != nil || !bytes.HasSuffix(output, rest) {
			t.Errorf("the body %q, %v", rest, err)
		}
	})
}

// TestVariable: which fields become variables.
func TestVariable(t *testing.T) {
	for field, want := range map[string]string{
		"User-Agent": "HTTP_USER_AGENT", "Content-Type": "CONTENT_TYPE", "X-1": "HTTP_X_1", "authorization": "HTTP_AUTHORIZATION",
		"Content-Length": "", "Proxy": "", "Proxy-Authorization": "", "X_Forwarded_For": "", "X.Y": "", "Ünicode": "",
	} {
		if got := Variable(field); got != want {
			t.Errorf("%s: got %q, want %q", field, got, want)
		}
	}
}
