package integration

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// example is where the examples lie, as an absolute path.
func example(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExamples serves each example as its README says and looks at the page that it promises.
func TestExamples(t *testing.T) {
	t.Run("hello", func(t *testing.T) {
		g := start(t, t.TempDir(), nil, []string{"start-server", example(t, "hello.wsgi")})
		b := visit(t, g)
		b.get("/some/path")
		b.has("Hello World! You asked for /some/path, process ")
	})
	t.Run("site", func(t *testing.T) {
		b := visit(t, start(t, t.TempDir(), nil, []string{"start-server", example(t, "hello.wsgi"), "--document-root", example(t, "site"),
			"--directory-index", "index.html", "--add-handler", ".upper", example(t, "upper.py"), "--error-document", "404", "/missing.html",
			"--rewrite-rules", example(t, "rewrite.conf"), "--compress-responses"}))
		b.get("/")
		b.has("<h1>A site around an application</h1>")
		b.get("/notes.txt.upper")
		b.has("NOTES, IN LOWER CASE")
		b.get("/old/page")
		b.has("Hello World! You asked for /new/page, process ")
		b.do(http.StatusForbidden, "GET", "/page.bak", "", nil)
	})
	t.Run("users", func(t *testing.T) {
		users := example(t, "users.py")
		b := visit(t, start(t, t.TempDir(), nil, []string{"start-server", example(t, "hello.wsgi"), "--auth-user-script", users,
			"--auth-group-script", users, "--auth-group", "family", "--host-access-script", users}))
		b.do(http.StatusUnauthorized, "GET", "/", "", nil)
		b.base = strings.Replace(b.base, "http://", "http://grandma:secret@", 1)
		b.get("/")
		b.has("Hello World! You asked for /, process ")
	})
	t.Run("flask", func(t *testing.T) {
		venv := frameworks(t)
		g := start(t, t.TempDir(), nil, []string{"start-server", "--application-type", "module", "flask_app",
			"--callable-object", "app", "--working-directory", example(t, ""), "--python-home", venv})
		b := visit(t, g)
		b.get("/")
		b.has("Hello, stranger")
		b.post(http.StatusOK, "/name", "name", "Ada")
		b.has("Hello, Ada")
		b.upload(http.StatusOK, "/upload", nil, file{"file", "a.txt", []byte("abc")})
		b.has("3 bytes, SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
	})
	t.Run("django", func(t *testing.T) {
		venv := frameworks(t)
		g := start(t, t.TempDir(), nil, []string{"start-server", filepath.Join(example(t, "django"), "wsgi.py"),
			"--working-directory", example(t, "django"), "--python-home", venv})
		djangoTour(visit(t, g), g)
	})
}

func djangoTour(b *browser, g *gild) {
	b.get("/")
	b.has("<h1>Django 5.2.")
	b.has("served by gild")
	b.get("/tour/")
	b.has("<td>REQUEST_METHOD</td><td>GET</td>")
	b.get("/tour/form/")
	b.post(http.StatusOK, "/tour/form/", "note", "remember me", "csrfmiddlewaretoken", b.hidden("csrfmiddlewaretoken"))
	b.has("<li>remember me</li>")
	b.do(http.StatusInternalServerError, "GET", "/tour/error/", "", nil)
	g.logged("RuntimeError: the error page of the tour was asked for")
}
