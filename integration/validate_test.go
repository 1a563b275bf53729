package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// body is a request body as a client may send it.
type body struct {
	name    string
	content []byte
	chunked bool // no Content-Length
}

var (
	methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	readers = []string{"read_all", "read_blocks", "read_lines", "read_readlines", "read_iterated", "read_nothing"}
	answers = []string{"as_list", "as_generator", "as_write", "as_file"}
	bodies  = []body{
		{name: "none"},
		{name: "small", content: []byte("line one\nline two\n\nlast")},
		{name: "binary", content: []byte("\x00\xff\r\n\x80")},
		{name: "large", content: bytes.Repeat([]byte("0123456789abcde\n"), 5000)},
		{name: "chunked", content: []byte("line one\nline two\n\nlast"), chunked: true},
		{name: "large chunked", content: bytes.Repeat([]byte("0123456789abcde\n"), 5000), chunked: true},
	}
)

// TestValidate sends every method with every kind of body to an application that wsgiref.validate watches, read and
// answered in every way that PEP 3333 allows. A broken rule is an AssertionError in the application, so the
// answer is 500 and not the echo that is expected.
func TestValidate(t *testing.T) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := copyApp(t, "validate")
			g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--threads", "2"}, place.args...))
			for _, method := range methods {
				for _, b := range bodies {
					everyWay(t, g, method, b)
				}
			}
			g.logged("validated /read_nothing/as_generator")
			if strings.Contains(g.log(), "AssertionError") {
				t.Error("wsgiref.validate complained")
			}
		})
	}
}

// everyWay sends one kind of request to each reader, and the answers in turn.
func everyWay(t *testing.T, g *gild, method string, b body) {
	t.Helper()
	if method == "GET" && b.name != "none" || method == "HEAD" && b.name != "none" {
		return // net/http would send it, but it says nothing
	}
	for i, reader := range readers {
		path := fmt.Sprintf("/%s/%s", reader, answers[i%len(answers)])
		want := b.content
		if reader == "read_nothing" || method == "HEAD" {
			want = nil
		}
		got, err := send(g.url(path), method, b)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s %s with body %s: got %d bytes, %v, want %d", method, path, b.name, len(got), err, len(want))
		}
	}
}

// send makes one request and returns the body of the answer, which must be 200.
func send(url, method string, b body) ([]byte, error) {
	var reader io.Reader
	if b.chunked {
		reader = struct{ io.Reader }{bytes.NewReader(b.content)} // of a length that net/http cannot see
	} else if b.content != nil {
		reader = bytes.NewReader(b.content)
	}
	request, err := http.NewRequest(method, url, reader)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// copyApp copies apps/NAME into a directory of the test, so that what the application writes stays out of the sources.
func copyApp(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("apps", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}
