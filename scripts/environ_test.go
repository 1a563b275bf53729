package scripts

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
		e := &Engine{config: new(config.Config)}
		if got := e.serverName(c.host, &server.Info{Host: c.listener}); got != c.want {
			t.Errorf("Host %q at %q: %q, want %q", c.host, c.listener, got, c.want)
		}
	}
	e := &Engine{config: &config.Config{ServerName: "www.example.com"}}
	for host, want := range map[string]string{"": "www.example.com", "alias.example.com:443": "alias.example.com"} {
		if got := e.serverName(host, &server.Info{Host: "10.0.0.1"}); got != want {
			t.Errorf("Host %q where --server-name is www.example.com: %q, want %q", host, got, want)
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

// has reports whether a message is there that quotes some text.
func (l *listLogger) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.messages, func(m string) bool { return strings.Contains(m, strconv.Quote(text)) })
}

func TestAddHeader(t *testing.T) {
	log := new(listLogger)
	e := &Engine{log: log}
	h := http.Header{}
	hopByHop := []string{"Connection", "keep-alive", "Proxy-Authenticate", "Proxy-Authorization", "PROXY-CONNECTION", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade"}
	for _, name := range hopByHop {
		e.addHeader(h, cpython.Header{Name: name, Value: "x"}, 1)
	}
	if len(h) != 0 || len(log.messages) != len(hopByHop) || !strings.Contains(log.messages[1], "'keep-alive'") {
		t.Errorf("of hop-by-hop headers %v went through, and the log has %q", h, log.messages)
	}
	for _, header := range []cpython.Header{{Name: "set-cookie", Value: "a"}, {Name: "Set-Cookie", Value: "b"}, {Name: "X-Empty", Value: ""},
		{Name: "content-length", Value: "5"}, {Name: "Content-Length", Value: "7 "}} {
		e.addHeader(h, header, 1)
	}
	if !slices.Equal(h["Set-Cookie"], []string{"a", "b"}) || !slices.Equal(h["X-Empty"], []string{""}) || !slices.Equal(h["Content-Length"], []string{"7"}) {
		t.Errorf("the headers are %v", h)
	}
}

// TestAddHeaderValues has values of a header, and what goes out over HTTP/1 and over streams; "-" is nothing at all.
func TestAddHeaderValues(t *testing.T) {
	for value, want := range map[string][2]string{
		"plain":         {"plain", "plain"},
		" \tblanks \t":  {"blanks", "blanks"},
		"a\tb \xe9\xff": {"a\tb \xe9\xff", "a\tb \xe9\xff"},
		"bell\a":        {"bell\a", "-"},
		"\x7f":          {"\x7f", "-"},
		"":              {"", ""},
	} {
		log := new(listLogger)
		e := &Engine{log: log}
		for major := 1; major <= 3; major++ {
			h := http.Header{}
			e.addHeader(h, cpython.Header{Name: "x-name", Value: value}, major)
			got := "-"
			if values, ok := h["X-Name"]; ok {
				got = values[0]
			}
			if want := want[min(major, 2)-1]; got != want {
				t.Errorf("HTTP/%d: %q went out as %q, want %q", major, value, got, want)
			}
		}
		if left := want[1] == "-"; len(log.messages) != 0 != left || left && !strings.Contains(log.messages[1], "'x-name' to a value with a control character, which HTTP/3") {
			t.Errorf("%q: the log has %q", value, log.messages)
		}
	}
}
