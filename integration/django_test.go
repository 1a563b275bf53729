package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestDjango drives the site of apps/django as an editor would: log in to the admin, past its CSRF check, add and
// change objects, upload covers and get them back; with one process and with two, which share sessions and data
// through SQLite.
func TestDjango(t *testing.T) {
	venv := frameworks(t)
	for _, place := range placements {
		for _, processes := range []string{"1", "2"} {
			t.Run(place.name+"/processes="+processes, func(t *testing.T) {
				t.Parallel()
				dir := copyApp(t, "django")
				manage(t, venv, dir, "migrate", "--noinput", "--verbosity", "0")
				manage(t, venv, dir, "createsuperuser", "--noinput", "--username", "editor", "--email", "e@example.com")
				g := start(t, dir, nil, append([]string{"start-server", "project/wsgi.py", "--python-home", venv,
					"--processes", processes, "--threads", "3"}, place.args...))
				djangoVisitor(visit(t, g))
				djangoAdmin(visit(t, g))
				djangoUpload(visit(t, g))
				djangoRefusals(visit(t, g), g)
				djangoCrowd(t, g)
			})
		}
	}
}

// manage runs a command of the project's manage.py with the Python of the virtual environment.
func manage(t *testing.T, venv, dir string, args ...string) {
	t.Helper()
	command := exec.Command(filepath.Join(venv, "bin", "python"), append([]string{"manage.py"}, args...)...)
	command.Dir = dir
	command.Env = environ([]string{"DJANGO_SUPERUSER_PASSWORD=correct horse"})
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("manage.py %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// djangoVisitor is known by a session cookie.
func djangoVisitor(b *browser) {
	b.get("/")
	b.has("<p>Django 5.2.")
	b.has("visit 1<")
	b.get("/")
	b.has("visit 2<")
	b.get("/books.json")
	b.has(`{"books": [], "secure": false, "host": "127.0.0.1:`)
	b.do(http.StatusNotFound, "GET", "/nowhere", "", nil)
	want := strings.Builder{}
	for i := range 5000 {
		fmt.Fprintf(&want, "row %d\n", i)
	}
	if got := b.get("/rows?count=5000"); got != want.String() {
		b.t.Errorf("the stream has %d bytes, want %d", len(got), want.Len())
	}
}

// djangoAdmin logs in and works in the admin.
func djangoAdmin(b *browser) {
	b.get("/admin/")
	b.has("Log in")
	b.post(http.StatusOK, "/admin/login/?next=/admin/", "username", "editor", "password", "wrong",
		"csrfmiddlewaretoken", b.hidden("csrfmiddlewaretoken"))
	b.has("Please enter the correct username and password")
	b.post(http.StatusOK, "/admin/login/?next=/admin/", "username", "editor", "password", "correct horse",
		"csrfmiddlewaretoken", b.hidden("csrfmiddlewaretoken"))
	b.has("Site administration")
	b.get("/admin/library/author/add/")
	b.post(http.StatusOK, "/admin/library/author/add/", "name", "Stanisław Lem", "_save", "Save",
		"csrfmiddlewaretoken", b.hidden("csrfmiddlewaretoken"))
	b.has("was added successfully")
	b.get("/admin/library/book/add/")
	b.upload(http.StatusOK, "/admin/library/book/add/", map[string]string{
		"title": "Solaris", "author": "1", "_save": "Save", "csrfmiddlewaretoken": b.hidden("csrfmiddlewaretoken"),
	}, file{"cover", "solaris.txt", []byte("a cover\r\n")})
	b.has("was added successfully")
	b.get("/admin/library/book/?q=lem")
	b.has("1 book")
	b.get("/")
	b.has("<li>Solaris by Stanisław Lem</li>")
	if got := b.get("/covers/1"); got != "a cover\r\n" {
		b.t.Errorf("the cover came back as %q", got)
	}
	b.get("/admin/")
	b.post(http.StatusOK, "/admin/logout/", "csrfmiddlewaretoken", b.hidden("csrfmiddlewaretoken"))
	b.get("/admin/library/book/")
	b.has("Log in")
}

// djangoUpload adds a book through the site's own form, with a cover too large to stay in memory.
func djangoUpload(b *browser) {
	cover := bytes.Repeat([]byte("\x89PNG\r\n\x1a\n\x00"), 200_000)
	b.get("/add/")
	b.upload(http.StatusOK, "/add/", map[string]string{
		"title": "Fiasco & Co", "author": "Stanisław Lem", "csrfmiddlewaretoken": b.hidden("csrfmiddlewaretoken"),
	}, file{"cover", "fiasco.png", cover})
	b.has("<li>Fiasco &amp; Co by Stanisław Lem</li>")
	if got := b.get("/covers/2"); got != string(cover) {
		b.t.Errorf("the cover came back with %d bytes that differ from the %d sent", len(got), len(cover))
	}
	if b.answer.ContentLength != int64(len(cover)) || b.answer.Header.Get("Content-Type") != "image/png" {
		b.t.Errorf("the cover came with %v", b.answer.Header)
	}
}

// djangoRefusals are a post without the CSRF token, a host that is not ours, and an exception.
func djangoRefusals(b *browser, g *gild) {
	b.post(http.StatusForbidden, "/add/", "title", "forged", "author", "nobody")
	request, _ := http.NewRequest("GET", b.base+"/books.json", nil)
	request.Host = "evil.example"
	answer, err := b.client.Do(request)
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		b.t.Errorf("for another host: %v, %v, want 400", answer, err)
	}
	answer.Body.Close()
	b.do(http.StatusInternalServerError, "GET", "/error", "", nil)
	if strings.Contains(b.page, "DoesNotExist") {
		b.t.Errorf("the page shows the exception:\n%s", b.page)
	}
	g.logged("Book matching query does not exist")
}

// djangoCrowd is several visitors at once, each with a session of their own.
func djangoCrowd(t *testing.T, g *gild) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			b := visit(t, g)
			for n := 1; n <= 10; n++ {
				answer, err := b.client.Get(b.base + "/")
				if err != nil {
					t.Error(err)
					return
				}
				page := new(bytes.Buffer)
				page.ReadFrom(answer.Body)
				answer.Body.Close()
				if want := fmt.Sprintf("visit %d<", n); !strings.Contains(page.String(), want) {
					t.Errorf("%s, no %q:\n%s", answer.Status, want, page)
					return
				}
			}
		})
	}
	all.Wait()
}
