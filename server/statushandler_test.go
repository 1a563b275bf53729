package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// localCases are clients and whether they may see the status.
var localCases = []struct {
	addr, host, field string
	local             bool
}{
	{"127.0.0.1:1", "localhost", "", true},
	{"127.8.8.8:1", "LocalHost:8000", "", true},
	{"[::1]:1", "[::1]", "", true},
	{"[::1]:1", "[::1]:8000", "", true},
	{"[::ffff:127.0.0.1]:1", "127.0.0.1:8000", "", true},
	{"192.0.2.1:1", "localhost", "", false},
	{"[2001:db8::1]:1", "localhost", "", false},
	{"[::ffff:192.0.2.1]:1", "localhost", "", false},
	{"127.0.0.1:1", "www.example.com", "", false},
	{"127.0.0.1:1", "localhost.example.com", "", false},
	{"127.0.0.1:1", "", "", false},
	{"@", "localhost", "", false},
	{"127.0.0.1:1", "localhost", "X-Forwarded-For", false},
	{"127.0.0.1:1", "localhost", "Forwarded", false},
	{"127.0.0.1:1", "localhost", "X-Real-IP", false},
	{"127.0.0.1:1", "localhost", "Via", false},
}

func TestStatusIsLocal(t *testing.T) {
	local := StatusHandler(func() Status { return Status{} }, StatusOptions{})
	everyone := StatusHandler(func() Status { return Status{} }, StatusOptions{Everyone: true})
	for _, c := range localCases {
		r := httptest.NewRequest("GET", "/server-status", nil)
		r.RemoteAddr, r.Host = c.addr, c.host
		if c.field != "" {
			r.Header.Set(c.field, "127.0.0.1")
		}
		w := httptest.NewRecorder()
		local.ServeHTTP(w, r)
		if want := map[bool]int{true: 200, false: 403}[c.local]; w.Code != want {
			t.Errorf("%+v: %d, want %d", c, w.Code, want)
		}
		w = httptest.NewRecorder()
		everyone.ServeHTTP(w, r)
		if w.Code != 200 {
			t.Errorf("%+v: %d for everyone", c, w.Code)
		}
	}
}

// queryCases are queries and what comes of them: status, media type, Refresh, and a part of the body.
var queryCases = []struct {
	method, query             string
	status                    int
	mediaType, refresh, holds string
}{
	{"GET", "", 200, "text/html; charset=utf-8", "", "<h1>gild status</h1>"},
	{"GET", "refresh=5", 200, "text/html; charset=utf-8", "5", "<h1>gild status</h1>"},
	{"GET", "refresh", 200, "text/html; charset=utf-8", "10", "<h1>gild status</h1>"},
	{"GET", "refresh=0", 400, pageType, "", "Bad Request"},
	{"GET", "refresh=5;url=http://evil", 400, pageType, "", "Bad Request"},
	{"GET", "auto", 200, "text/plain; charset=utf-8", "", "Total Accesses: 123456\n"},
	{"GET", "auto&cache=buster", 200, "text/plain; charset=utf-8", "", "Scoreboard: W_GGSR.\n"},
	{"GET", "json", 200, "application/json", "", `"pid": 4100`},
	{"HEAD", "auto", 200, "text/plain; charset=utf-8", "", ""},
	{"POST", "", 405, pageType, "", "Method Not Allowed"},
}

// TestStatusQueries asks through a whole server with a mount point, and one without: the page is not below it.
func TestStatusQueries(t *testing.T) {
	status := exampleStatus(t, "busy")
	handler := StatusHandler(func() Status { return *status }, StatusOptions{})
	for _, mount := range []string{"", "/app"} {
		s := start(t, hello, func(o *Options) { o.Status, o.Mount = handler, mount })
		for _, c := range queryCases {
			r, err := http.NewRequest(c.method, "http://"+s.addr+StatusPath+"?"+c.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			got := resp.Header
			if err != nil || resp.StatusCode != c.status || got.Get("Content-Type") != c.mediaType || got.Get("Refresh") != c.refresh || !strings.Contains(string(body), c.holds) {
				t.Errorf("%+v: got %s, %v\n%s\nerror %v", c, resp.Status, got, body, err)
			}
		}
	}
}

// TestStatusOff: without a handler the path is the application's.
func TestStatusOff(t *testing.T) {
	s := start(t, hello, nil)
	resp, err := http.Get("http://" + s.addr + StatusPath)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != string(helloBody) {
		t.Errorf("got %q, error %v", body, err)
	}
}
