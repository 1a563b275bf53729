package scripts

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/server"
)

// TestMakeKey has header names and their keys; "" is a header that the application must not see (S3, CVE-2016-5385).
func TestMakeKey(t *testing.T) {
	for name, want := range map[string]string{
		"Host":            "HTTP_HOST",
		"X-Forwarded-For": "HTTP_X_FORWARDED_FOR",
		"x-lower":         "HTTP_X_LOWER",
		"X1-2":            "HTTP_X1_2",
		"-":               "HTTP__",
		"Content-Type":    "CONTENT_TYPE",
		"Proxy":           "",
		"X_Underscore":    "",
		"X.Dot":           "",
		"X~":              "",
		"X!":              "",
		"X-\xe9":          "",
		"X[":              "",
		"X@":              "",
		"X`":              "",
		"X{":              "",
		"X/":              "",
		"X:":              "",
	} {
		if got := makeKey(name); got != want {
			t.Errorf("%q became %q, not %q", name, got, want)
		}
	}
}

// FuzzMakeKey: a key has only the characters that a CGI variable has, and names that differ in more than case have keys
// that differ.
func FuzzMakeKey(f *testing.F) {
	f.Add("X-Y", "X_Y")
	f.Add("Content-Length", "content-length")
	f.Fuzz(func(t *testing.T, a, b string) {
		key := makeKey(a)
		if strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			t.Errorf("%q became %q", a, key)
		}
		if key != "" && key == makeKey(b) && !strings.EqualFold(a, b) {
			t.Errorf("%q and %q both became %q", a, b, key)
		}
	})
}

// TestKeyCacheIsBounded: clients invent names, from many connections at once.
func TestKeyCacheIsBounded(t *testing.T) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 2 * maxKeys {
				if key := environKey(fmt.Sprintf("X-Invented-%d", i)); key != fmt.Sprintf("HTTP_X_INVENTED_%d", i) {
					t.Errorf("number %d became %q", i, key)
				}
			}
		})
	}
	group.Wait()
	if n := len(keys.names); n > maxKeys {
		t.Errorf("%d names are remembered, more than %d", n, maxKeys)
	}
}

func TestSplitPath(t *testing.T) {
	for _, c := range []struct{ path, mount, script, info string }{
		{"/", "/", "", "/"},
		{"/a/b", "/", "", "/a/b"},
		{"//a///b//", "/", "", "/a/b/"},
		{"/app", "/app", "/app", ""},
		{"/app/", "/app", "/app", "/"},
		{"//app//x", "/app", "/app", "/x"},
		{"/app/app", "/app", "/app", "/app"},
		{"/one/two/three", "/one/two", "/one/two", "/three"},
		{"*", "/", "", "*"},
		{"", "/", "", ""},
	} {
		if script, info := splitPath(c.path, c.mount); script != c.script || info != c.info {
			t.Errorf("%q at %q: %q and %q, want %q and %q", c.path, c.mount, script, info, c.script, c.info)
		}
	}
}

func TestServerName(t *testing.T) {
	for _, c := range []struct{ host, listener, want string }{
		{"example.com", "", "example.com"},
		{"example.com:8000", "", "example.com"},
		{"example.com:", "", "example.com"},
		{"127.0.0.1:80", "", "127.0.0.1"},
		{"[::1]:8000", "", "[::1]"},
		{"[::1]", "", "[::1]"},
		{"", "10.0.0.1", "10.0.0.1"},
		{"", "::1", "::1"},
		{"", "", "localhost"},
		{":8000", "", "localhost"},
		{`<b>"&:80`, "", "&lt;b&gt;&quot;&amp;"},
	} {
		if got := serverName(c.host, &server.Info{Host: c.listener}); got != c.want {
			t.Errorf("Host %q at %q: %q, want %q", c.host, c.listener, got, c.want)
		}
	}
}

func TestIsHTTPS(t *testing.T) {
	for _, c := range []struct {
		list []config.Pair
		want bool
	}{
		{nil, false},
		{[]config.Pair{{Key: "HTTPS", Value: "1"}}, true},
		{[]config.Pair{{Key: "A", Value: "1"}, {Key: "HTTPS", Value: "On"}}, true},
		{[]config.Pair{{Key: "HTTPS", Value: "off"}}, false},
		{[]config.Pair{{Key: "https", Value: "on"}}, false},
	} {
		if got := isHTTPS(&config.Config{SetEnv: c.list}); got != c.want {
			t.Errorf("%v is %v", c.list, got)
		}
	}
}

// ---- response headers -------------------------------------------------------------

// A listLogger keeps the messages that it gets.
type listLogger struct {
	mu       sync.Mutex
	messages []string
}

func (l *listLogger) Enabled(logs.Level) bool { return true }

func (l *listLogger) Log(r logs.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = append(l.messages, r.Message)
}

func TestAddHeader(t *testing.T) {
	log := new(listLogger)
	e := &Engine{log: log}
	h := http.Header{}
	hopByHop := []string{"Connection", "keep-alive", "Proxy-Authenticate", "Proxy-Authorization", "PROXY-CONNECTION", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade"}
	for _, name := range hopByHop {
		e.addHeader(h, cpython.Header{Name: name, Value: "x"})
	}
	if len(h) != 0 || len(log.messages) != len(hopByHop) || !strings.Contains(log.messages[1], "'keep-alive'") {
		t.Errorf("of hop-by-hop headers %v went through, and the log has %q", h, log.messages)
	}
	for _, header := range []cpython.Header{{Name: "set-cookie", Value: "a"}, {Name: "Set-Cookie", Value: "b"}, {Name: "X-Empty", Value: ""},
		{Name: "content-length", Value: "5"}, {Name: "Content-Length", Value: "7 "}} {
		e.addHeader(h, header)
	}
	if !slices.Equal(h["Set-Cookie"], []string{"a", "b"}) || !slices.Equal(h["X-Empty"], []string{""}) || !slices.Equal(h["Content-Length"], []string{"7"}) {
		t.Errorf("the headers are %v", h)
	}
}
