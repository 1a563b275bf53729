package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const content = "0123456789abcdefghij"

// longAgo is when the file of a test was changed.
var longAgo = time.Date(2020, 2, 29, 12, 0, 0, 123456789, time.UTC)

// oneFile is a tree with the file /a.txt.
func oneFile(t testing.TB, modified time.Time) (tree *Tree, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "a.txt")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
	return New(Options{Root: dir, Log: quiet{}}), path
}

// send is the answer to a request for /a.txt. A status that is left to the caller is put into the recorder, too.
func send(t testing.TB, tree *Tree, method string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	f := tree.Find("/a.txt", true)
	defer f.Close()
	r := httptest.NewRequest(method, "/a.txt", nil)
	r.Header = header
	w := httptest.NewRecorder()
	status, err := f.Send(w, r)
	if err != nil {
		t.Fatal(err)
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	return w
}

// FuzzSend compares the answers with those of http.ServeContent. Those differ on purpose: that one refuses a Range that cannot be
// read, which RFC 9110 section 14.2 has us ignore, takes one from HEAD as well, sends "bytes=-0", looks at the first of several fields only, and reads
// numbers and lists in its own way; so requests are made of what both read alike.
func FuzzSend(f *testing.F) {
	for i := range uint64(64) {
		f.Add(i*0x9e3779b97f4a7c15, int64(2), int64(5))
	}
	tree, path := oneFile(f, longAgo)
	tag := send(f, tree, "GET", http.Header{}).Header().Get("Etag")
	f.Fuzz(func(t *testing.T, choice uint64, first, last int64) {
		header := conditions(choice, tag, first, last)
		method := []string{"GET", "GET", "GET", "HEAD", "POST"}[choice>>40%5]
		if method != "GET" {
			header.Del("Range")
		}
		want := httptest.NewRecorder()
		want.Header().Set("Etag", tag)
		want.Header().Set("Content-Type", "text/plain; charset=utf-8")
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		r := httptest.NewRequest(method, "/a.txt", nil)
		r.Header = header
		http.ServeContent(want, r, "", longAgo, file)
		got := send(t, tree, method, header)
		if describe(got) != describe(want) {
			t.Errorf("%s %v:\ngot\n%s\nwant\n%s", method, header, describe(got), describe(want))
		}
	})
}

// conditions makes the fields of a request: bits of choice say which there are, and what is in them.
func conditions(choice uint64, tag string, first, last int64) http.Header {
	dates := []string{"Sat, 29 Feb 2020 12:00:00 GMT", "Sat, 29 Feb 2020 11:59:59 GMT", "Saturday, 29-Feb-20 12:00:01 GMT", "yesterday"}
	tags := []string{tag, `"x"`, "W/" + tag, `"x", ` + tag, "*", `W/"y"`, `"x" , "y"`, "nonsense"}
	if first < 0 {
		first = -(first + 1)
	}
	if last < 0 {
		last = -(last + 1)
	}
	first, last = first%30, last%30+1
	ranges := []string{fmt.Sprintf("bytes=%d-%d", min(first, last), max(first, last)), fmt.Sprintf("bytes=%d-", first), fmt.Sprintf("bytes=-%d", last),
		fmt.Sprintf("bytes=%d-%d,%d-", min(first, last), max(first, last), last), fmt.Sprintf("bytes=0-1, -%d", last)}
	header := http.Header{}
	for i, field := range []struct {
		name   string
		values []string
	}{{"If-Match", tags}, {"If-None-Match", tags}, {"If-Modified-Since", dates}, {"If-Unmodified-Since", dates}, {"If-Range", append(tags, dates...)}, {"Range", ranges}} {
		if choice>>i&1 == 1 {
			header.Set(field.name, field.values[choice>>(8+4*i)%uint64(len(field.values))])
		}
	}
	return header
}

// describe is what an answer says about the file.
func describe(w *httptest.ResponseRecorder) string {
	text := fmt.Sprintln(w.Code)
	if w.Code >= 400 {
		return text + w.Header().Get("Content-Range") // whose page it is is not the file's business
	}
	kind, parameters, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
	for _, name := range []string{"Etag", "Content-Range", "Accept-Ranges", "Content-Encoding"} {
		text += name + ": " + w.Header().Get(name) + "\n"
	}
	text += kind + "\n"
	if kind != "multipart/byteranges" {
		return text + w.Header().Get("Content-Length") + "\n" + w.Body.String()
	}
	for parts := multipart.NewReader(w.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			return text + err.Error()
		}
		body, err := io.ReadAll(part)
		text += fmt.Sprintln(part.Header, string(body), err)
	}
}

// TestParseRange: a Range field and what is sent of twenty bytes; "all", or "416".
func TestParseRange(t *testing.T) {
	for field, want := range map[string]string{
		"bytes=0-0":                            "0+1",
		"bytes=0-":                             "0+20",
		"bytes=19-":                            "19+1",
		"bytes=19-99":                          "19+1",
		"bytes=20-":                            "416",
		"bytes=20-30,-0":                       "416",
		"bytes=-0":                             "416",
		"bytes=-1":                             "19+1",
		"bytes=-99":                            "0+20",
		"bytes=0-1,20-30":                      "0+2",
		"bytes=1-2 , ,\t5-6":                   "1+2 5+2",
		"bytes=5-6,1-2":                        "5+2 1+2",
		"bytes=0-9223372036854775807":          "0+20",
		"bytes=1-99999999999999999999":         "1+19",
		"bytes=99999999999999999999-":          "416",
		"bytes=-99999999999999999999":          "0+20",
		"bytes=0-19,0-0":                       "all",
		"bytes=" + strings.Repeat("0-0,", 100): "all", // overlapping
		"bytes=2-1":                            "all",
		"bytes=":                               "all",
		"bytes=-":                              "all",
		"bytes=1":                              "all",
		"bytes=a-b":                            "all",
		"bytes=+1-2":                           "all",
		"bytes=1 -2":                           "all",
		"bytes=1--2":                           "all",
		"bytes=0-1,x":                          "all",
		"lines=1-2":                            "all",
		"0-1":                                  "all",
	} {
		if got := ranges(field, 20); got != want {
			t.Errorf("%q: got %s, want %s", field, got, want)
		}
	}
	if got := ranges("bytes=0-", 0) + ranges("bytes=-5", 0); got != "allall" {
		t.Errorf("of an empty file: got %s, want all of it", got)
	}
	if got := ranges("bytes=0-,1-", math.MaxInt64); got != "all" {
		t.Errorf("of the largest file: got %s, want all of it", got)
	}
	if got := ranges("bytes="+strings.Repeat("0-0,", 101), 1000); got != "all" {
		t.Errorf("of many parts: got %s, want all of it", got)
	}
}

func ranges(field string, size int64) string {
	parts, ok := parseRange(field, size)
	if !ok {
		return "416"
	}
	if len(parts) == 0 {
		return "all"
	}
	var words []string
	for _, p := range parts {
		words = append(words, fmt.Sprintf("%d+%d", p.start, p.length))
	}
	return strings.Join(words, " ")
}

// FuzzParseRange: what is sent is in the file, and no more than the file in no more parts than allowed.
func FuzzParseRange(f *testing.F) {
	f.Add("bytes=0-1,5-", int64(20))
	f.Add("bytes=-9223372036854775807,0-9223372036854775806", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, field string, size int64) {
		if size < 0 {
			return
		}
		parts, ok := parseRange(field, size)
		rest := size
		for _, p := range parts {
			if p.start < 0 || p.length < 1 || p.start > size-p.length {
				t.Errorf("%q of %d: got %v", field, size, p)
			}
			rest -= p.length
		}
		if rest < 0 || len(parts) > mostRanges || !ok && len(parts) > 0 {
			t.Errorf("%q of %d: got %v, %v", field, size, parts, ok)
		}
	})
}

// TestYoungFile: what may still change without a trace has no strong validator, so no part of it is sent by one.
func TestYoungFile(t *testing.T) {
	tree, _ := oneFile(t, time.Now().Add(time.Hour))
	w := send(t, tree, "GET", http.Header{})
	tag, date := w.Header().Get("Etag"), w.Header().Get("Last-Modified")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("the tag is %s", tag)
	}
	if at, err := http.ParseTime(date); err != nil || at.After(time.Now()) {
		t.Errorf("changed at %s, which is in the future: %v", date, err)
	}
	for _, value := range []string{tag, date} {
		if w := send(t, tree, "GET", http.Header{"Range": {"bytes=0-1"}, "If-Range": {value}}); w.Code != 200 {
			t.Errorf("If-Range: %s: got %d", value, w.Code)
		}
	}
	if w := send(t, tree, "GET", http.Header{"If-None-Match": {tag}}); w.Code != 304 {
		t.Errorf("If-None-Match: %s: got %d", tag, w.Code)
	}
}

// TestSeveralFields: lists in several fields are one list; several dates or ranges are none.
func TestSeveralFields(t *testing.T) {
	tree, _ := oneFile(t, longAgo)
	tag := send(t, tree, "GET", http.Header{}).Header().Get("Etag")
	const date = "Sat, 29 Feb 2020 12:00:00 GMT"
	for want, header := range map[int][]http.Header{
		304: {{"If-None-Match": {`"x"`, tag}}, {"If-None-Match": {"nonsense", "," + tag}}},
		412: {{"If-Match": {`"x"`, `"y"`}}, {"If-Match": {""}}},
		200: {{"If-Match": {`"x"`, tag}}, {"If-Modified-Since": {date, date}}, {"Range": {"bytes=0-1", "bytes=0-1"}}, {"If-Range": {tag + "x"}, "Range": {"bytes=0-1"}}},
	} {
		for _, h := range header {
			if w := send(t, tree, "GET", h); w.Code != want {
				t.Errorf("%v: got %d, want %d", h, w.Code, want)
			}
		}
	}
}

// TestShorterFile: a file that shrinks while it is sent is an error, so that the response is torn.
func TestShorterFile(t *testing.T) {
	tree, path := oneFile(t, longAgo)
	f := tree.Find("/a.txt", true)
	defer f.Close()
	w := cutter{httptest.NewRecorder(), func() { _ = os.Truncate(path, 5) }}
	_, err := f.Send(w, httptest.NewRequest("GET", "/a.txt", nil))
	var blamed *fs.PathError
	if want := "the file became shorter while it was sent: 5 of 20 bytes"; !errors.As(err, &blamed) || blamed.Err.Error() != want {
		t.Errorf("got the error %v, want: %s", err, want)
	}
}

// A cutter does something when the head is sent.
type cutter struct {
	*httptest.ResponseRecorder
	cut func()
}

func (c cutter) WriteHeader(status int) {
	c.cut()
	c.ResponseRecorder.WriteHeader(status)
}

// TestVanishedSibling: between finding a file and sending it, anything may go; the open file is sent.
func TestVanished(t *testing.T) {
	tree, path := oneFile(t, longAgo)
	f := tree.Find("/a.txt", true)
	defer f.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if _, err := f.Send(w, httptest.NewRequest("GET", "/a.txt", nil)); err != nil || w.Body.String() != content {
		t.Errorf("got %q, %v", w.Body, err)
	}
}

// TestTypes: what a table says, and what is wrong with one.
func TestTypes(t *testing.T) {
	types, err := ParseTypes("types", "text/plain txt TEXT # asc\n\n#\napplication/x-a;b=c a\ntext/css;charset=ascii css\nimage/png png txt\nvideo/none\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"a.txt": {"image/png"}, "a.b.Text": {"text/plain; charset=utf-8"}, "x/a.a": {"application/x-a;b=c"},
		"a.css": {"text/css;charset=ascii"}, "a.asc": nil, "txt": nil, "a.": nil, "a.tar.gz": nil} {
		if got := types.of(name).field; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	_, err = ParseTypes("types", "text/plain\n\nplain a\ntext/a\x01 b\ntext/a;\x7f c\ntext/a b.c\n")
	for i, line := range strings.Split(fmt.Sprint(err), "\n") {
		if want := []string{"types:3: ", "types:4: ", "types:5: ", "types:6: "}; !strings.HasPrefix(line, want[i]) {
			t.Errorf("the complaint is %q, want one about %s", line, want[i])
		}
	}
}

// TestBuiltinTypes: those that every site has are right.
func TestBuiltinTypes(t *testing.T) {
	for name, want := range map[string]string{"a.html": "text/html; charset=utf-8", "a.js": "text/javascript; charset=utf-8", "a.mjs": "text/javascript; charset=utf-8",
		"a.css": "text/css; charset=utf-8", "a.json": "application/json", "a.map": "application/json", "a.svg": "image/svg+xml", "a.wasm": "application/wasm",
		"a.woff2": "font/woff2", "a.webmanifest": "application/manifest+json", "a.JPG": "image/jpeg", "a.avif": "image/avif", "a.mp4": "video/mp4",
		"a.xml": "application/xml", "a.pdf": "application/pdf", "a.ico": "image/vnd.microsoft.icon", "a.txt": "text/plain; charset=utf-8", "a.gz": "application/gzip"} {
		if got := BuiltinTypes().of(name).field; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
	for name, want := range map[string]bool{"a.html": true, "a.svg": true, "a.json": true, "a.wasm": true, "a.ttf": true, "a.png": false, "a.woff2": false, "a.zip": false, "a": false} {
		if got := BuiltinTypes().of(name).compressible; got != want {
			t.Errorf("%s is worth compressing: %v", name, got)
		}
	}
}

// FuzzParseTypes: what is taken can be a header field.
func FuzzParseTypes(f *testing.F) {
	f.Add("text/plain txt asc\n# comment\napplication/x-y;a=b c")
	f.Fuzz(func(t *testing.T, text string) {
		types, err := ParseTypes("types", text)
		if err != nil {
			return
		}
		for extension, m := range types.byExtension {
			if strings.ContainsAny(extension, "./ ") || strings.ContainsFunc(m.field[0], func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Errorf("%q is %q", extension, m.field)
			}
		}
	})
}
