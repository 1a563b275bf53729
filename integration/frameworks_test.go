package integration

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
)

// frameworks is the virtual environment with the packages of requirements.txt. Without one the test is skipped, except
// in CI: there a test that silently does not run would be taken for one that passed.
func frameworks(t *testing.T) string {
	t.Helper()
	venv := os.Getenv("GILD_TEST_VENV")
	if venv == "" && os.Getenv("CI") != "" {
		t.Fatal("GILD_TEST_VENV is not set: in CI the framework tests must run; `make test` prepares them")
	}
	if venv == "" {
		t.Skip("GILD_TEST_VENV is not set: run the framework tests with `make test`, which installs requirements.txt")
	}
	return venv
}

// browser is a client with cookies that remembers the last page, as the one at a visitor's desk does.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	page   string
	answer *http.Response
}

func visit(t *testing.T, g *gild) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: patience, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return &browser{t: t, base: g.url(""), client: client}
}

// do sends a request, follows redirects, and requires the status.
func (b *browser) do(status int, method, path, contentType string, content io.Reader) string {
	b.t.Helper()
	request, err := http.NewRequest(method, b.base+path, content)
	if err != nil {
		b.t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Referer", b.base+path)
	b.answer, err = b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer b.answer.Body.Close()
	text, err := io.ReadAll(b.answer.Body)
	if err != nil || b.answer.StatusCode != status {
		b.t.Fatalf("%s %s: %s, %v, want %d\n%s", method, path, b.answer.Status, err, status, text)
	}
	b.page = string(text)
	return b.page
}

func (b *browser) get(path string) string {
	b.t.Helper()
	return b.do(http.StatusOK, "GET", path, "", nil)
}

// post submits a form, given as names and values in turn.
func (b *browser) post(status int, path string, pairs ...string) string {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(status, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// file is one file of an upload.
type file struct {
	field, name string
	content     []byte
}

// upload submits a form with files.
func (b *browser) upload(status int, path string, values map[string]string, files ...file) string {
	b.t.Helper()
	var content bytes.Buffer
	form := multipart.NewWriter(&content)
	for name, value := range values {
		form.WriteField(name, value)
	}
	for _, f := range files {
		part, err := form.CreateFormFile(f.field, f.name)
		if err != nil {
			b.t.Fatal(err)
		}
		part.Write(f.content)
	}
	form.Close()
	return b.do(status, "POST", path, form.FormDataContentType(), &content)
}

// has requires that the last page has text.
func (b *browser) has(text string) {
	b.t.Helper()
	if !strings.Contains(b.page, text) {
		b.t.Fatalf("%s has no %q:\n%s", b.answer.Request.URL, text, b.page)
	}
}

// hidden is the value of a hidden field of the last page.
func (b *browser) hidden(name string) string {
	b.t.Helper()
	_, rest, ok := strings.Cut(b.page, `name="`+name+`" value="`)
	value, _, end := strings.Cut(rest, `"`)
	if !ok || !end {
		b.t.Fatalf("%s has no field %s:\n%s", b.answer.Request.URL, name, b.page)
	}
	return value
}

func checksum(content []byte) string {
	sum := md5.Sum(content)
	return hex.EncodeToString(sum[:])
}

// TestFlask drives the guest book of apps/flask: templates, a session, JSON, a stream, and an upload that is larger
// than any buffer and comes back byte for byte.
func TestFlask(t *testing.T) {
	venv := frameworks(t)
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			dir := copyApp(t, "flask")
			g := start(t, dir, nil, append([]string{"start-server", "--application-type", "module", "app",
				"--callable-object", "app", "--python-home", venv, "--threads", "5"}, place.args...))
			b := visit(t, g)
			flaskSession(b)
			flaskJSON(b)
			flaskUpload(b)
			flaskStream(b)
			flaskErrors(b, g)
		})
	}
}

func flaskSession(b *browser) {
	b.get("/")
	b.has("<h1>Hello, stranger</h1>")
	b.post(http.StatusForbidden, "/sign", "text", "anonymous")
	b.post(http.StatusOK, "/login", "name", "Zoë <script>")
	b.has(`<p class="flash">Welcome, Zoë &lt;script&gt;!</p>`)
	b.post(http.StatusOK, "/sign", "text", "first entry")
	b.post(http.StatusOK, "/sign", "text", "zweiter Eintrag: ß")
	b.has("<li>first entry</li>\n<li>zweiter Eintrag: ß</li>")
	b.has("Hello, Zoë")
}

func flaskJSON(b *browser) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		b.do(http.StatusOK, method, "/json?x=1&x=2", "application/json", strings.NewReader(`{"a": [1, null, "é"]}`))
		b.has(fmt.Sprintf(`{"arguments":{"x":["1","2"]},"data":{"a":[1,null,"\u00e9"]},"method":%q}`, method))
	}
	b.do(http.StatusBadRequest, "POST", "/json", "application/json", strings.NewReader("{"))
}

func flaskUpload(b *browser) {
	large := bytes.Repeat([]byte("\x00\x01binary\r\n--\xff"), 150_000)
	b.upload(http.StatusOK, "/upload", map[string]string{"note": "two files"},
		file{"small", "../../etc/small.txt", []byte("small")}, file{"large", "large.bin", large})
	b.has(`"note":"two files"`)
	b.has(checksum(large))
	if got := b.get("/uploads/large.bin"); got != string(large) {
		b.t.Errorf("the upload came back with %d bytes that differ from the %d sent", len(got), len(large))
	}
	b.upload(http.StatusRequestEntityTooLarge, "/upload", nil, file{"huge", "huge.bin", make([]byte, 6_000_000)})
}

func flaskStream(b *browser) {
	var want strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&want, "row %d\n", i)
	}
	if got := b.get("/stream?rows=20000"); got != want.String() {
		b.t.Errorf("the stream has %d bytes, want %d", len(got), want.Len())
	}
	if b.answer.ContentLength != -1 {
		b.t.Errorf("the stream has Content-Length %d", b.answer.ContentLength)
	}
}

func flaskErrors(b *browser, g *gild) {
	b.do(http.StatusNotFound, "GET", "/nowhere", "", nil)
	b.has("There is no /nowhere here.")
	b.do(http.StatusInternalServerError, "GET", "/error", "", nil)
	if strings.Contains(b.page, "LookupError") {
		b.t.Errorf("the page shows the exception:\n%s", b.page)
	}
	g.logged("LookupError: of the Flask application")
}
