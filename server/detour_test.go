package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// around answers with what it was asked, and sends requests for /to/TARGET to TARGET, for /get/TARGET with GET.
func around(w http.ResponseWriter, r *http.Request) {
	x := From(w)
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	target := "/" + path[strings.Index(path, "/")+1:]
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	switch {
	case strings.HasPrefix(path, "to/"):
		x.Header().Set("X-Dropped", "1")
		x.redirectInternally(target)
	case strings.HasPrefix(path, "get/"):
		x.getInternally(target)
	case path == "circle":
		x.redirectInternally("/circle")
	case path == "late":
		x.say("", "begun")
		x.redirectInternally("/to")
	default:
		tellAll(x, r)
		return
	}
	fmt.Fprint(w, "dropped")
	x.Flush()
}

// tellAll says what arrived, variables included.
func tellAll(x *Exchange, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(x, "%s %s?%s uri=%s body=%q", r.Method, r.URL.Path, r.URL.RawQuery, r.RequestURI, body)
	for _, v := range x.Variables() {
		fmt.Fprintf(x, " %s=%s", v.Name, v.Value)
	}
}

func TestRedirectInternally(t *testing.T) {
	s := start(t, around, nil)
	cases := []struct{ request, status, body string }{
		{"POST /to/b%20c?q=1", "200", `POST /b c?q=1 uri=/to/b%20c?q=1 body="sent" REDIRECT_URL=/to/b c REDIRECT_STATUS=200 REDIRECT_QUERY_STRING=q=1`},
		{"POST /get/b", "200", `GET /b? uri=/get/b body="" REDIRECT_URL=/get/b REDIRECT_STATUS=200`},
		{"POST /to/to/b", "200", `POST /b? uri=/to/to/b body="sent" REDIRECT_REDIRECT_URL=/to/to/b REDIRECT_REDIRECT_STATUS=200 REDIRECT_URL=/to/b REDIRECT_STATUS=200`},
		{"POST /to/b//../c", "200", `POST /c? uri=/to/b//../c body="sent" REDIRECT_URL=/to/c REDIRECT_STATUS=200`},
		{"POST /circle", "500", ""},
	}
	for _, c := range cases {
		t.Run(c.request, func(t *testing.T) {
			method, path, _ := strings.Cut(c.request, " ")
			request, err := http.NewRequest(method, "http://"+s.addr+path, strings.NewReader("sent"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || fmt.Sprint(response.StatusCode) != c.status || c.body != "" && string(body) != c.body {
				t.Errorf("%d %s %v, want %s %s", response.StatusCode, body, err, c.status, c.body)
			}
			if response.Header["X-Dropped"] != nil {
				t.Error("a header field of what was dropped was sent")
			}
		})
	}
	if want := "error: The request exceeded the limit of 10 internal redirects; the next one would lead to \"/circle\"."; !strings.Contains(s.log.text(), want) {
		t.Errorf("the log lacks %q:\n%s", want, s.log.text())
	}
}

// TestRedirectLate: a response that has begun cannot become another; the client sees that it is torn.
func TestRedirectLate(t *testing.T) {
	s := start(t, around, nil)
	response, err := http.Get("http://" + s.addr + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || string(body) != "begun" {
		t.Errorf("%q, %v; want a torn response", body, err)
	}
}
