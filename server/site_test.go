package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gild/logs"
)

// TestSite asks the questions of testdata/site/*.txt and compares the answers. A line "site WORD..." sets the site that
// follows, see siteOf; any other unindented line is a request, see siteRequest; the indented lines below it are the status,
// with the Location or the sentence of the page, and what the log has about it.
func TestSite(t *testing.T) {
	files, err := filepath.Glob("testdata/site/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runSite(t, file) })
	}
}

func runSite(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var s *asked
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case line[0] == ' ':
			continue
		case len(words) > 0 && words[0] == "site":
			s = newAsked(t, words[1:])
		case len(words) > 0 && line[0] != '#':
			line += s.ask(t, words)
		}
		out.WriteString(line)
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if out.String() != string(text) {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), text)
	}
}

// An asked is a server that listens nowhere.
type asked struct {
	*Server
	log testLog
}

func newAsked(t *testing.T, words []string) *asked {
	a := &asked{log: testLog{level: logs.Info}}
	opts := Options{
		Listeners: []Listener{{}},
		Handler:   http.HandlerFunc(hello),
		ErrorLog:  &a.log,
		Challenge: answerChallenge,
		Status:    http.HandlerFunc(hello),
	}
	for _, word := range words {
		setSite(t, &opts.Site, word)
	}
	a.Server = New(opts)
	return a
}

// answerChallenge knows one token.
func answerChallenge(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != challengePath+"token" {
		return false
	}
	_, _ = w.Write([]byte("token.thumbprint"))
	return true
}

// setSite changes one field of a site.
func setSite(t *testing.T, site *Site, word string) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "name":
		site.Name = value
	case "alias":
		site.Aliases = append(site.Aliases, value)
	case "permits":
		site.Permitted = func(_ context.Context, host string) bool { return host == value }
	case "allow-localhost":
		site.AllowLocalhost = true
	case "https-only":
		site.HTTPSOnly, site.HTTPSPort = true, value
	case "ca":
		site.ClientCA = true
	case "verify":
		site.VerifyClient = append(site.VerifyClient, value)
	default:
		t.Fatalf("unknown word %q of a site", word)
	}
}

// siteRequest is the request that words describe: in any order before the method h2 or h3, tls=SNI ("tls=" has none), cert (a
// verified client certificate), early (0-RTT data), from=ADDRESS (192.0.2.1 if nothing is said), Name:value (a header field); then method, target
// and host, where no host is a request of HTTP/1.0. TLS is on port 8443, what is not on 8000.
func siteRequest(t *testing.T, words []string) (*session, *http.Request) {
	ss := &session{link: link{info: &Info{Port: "8000", Scheme: "http"}}}
	from, major, fields := "192.0.2.1:1024", 1, http.Header{}
	for len(words) > 0 && words[0] != strings.ToUpper(words[0]) {
		name, value, _ := strings.Cut(words[0], "=")
		switch {
		case name == "h2", name == "h3":
			major = int(name[1] - '0')
		case name == "tls":
			ss.info, ss.tls = &Info{Port: "8443", Scheme: "https"}, &tls.ConnectionState{ServerName: value, HandshakeComplete: true}
		case name == "cert":
			ss.tls.VerifiedChains = [][]*x509.Certificate{{{}}}
		case name == "early":
			ss.tls.HandshakeComplete = false
		case name == "from":
			from = value
		case strings.Contains(name, ":"):
			field, content, _ := strings.Cut(name, ":")
			fields.Add(field, content)
		default:
			t.Fatalf("unknown word %q of a request", words[0])
		}
		words = words[1:]
	}
	head := words[0] + " " + unescape(t, words[1])
	if len(words) > 2 {
		head += " HTTP/1.1\r\nHost: " + words[2]
	} else {
		head += " HTTP/1.0"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	maps.Copy(r.Header, fields)
	if r.RemoteAddr = from; major > 1 {
		r.Proto, r.ProtoMajor, r.ProtoMinor = fmt.Sprintf("HTTP/%d.0", major), major, 0
	}
	return ss, r
}

var sentence = regexp.MustCompile(`<p>(.*)</p>`)

// ask serves a request and returns the answer, indented.
func (a *asked) ask(t *testing.T, words []string) string {
	ss, r := siteRequest(t, words)
	w := httptest.NewRecorder()
	a.log.records = nil
	a.serveStream(ss, w, r)
	answer := fmt.Sprint("    ", w.Code)
	if location := w.Header().Get("Location"); location != "" {
		answer += " " + location
	} else if m := sentence.FindStringSubmatch(w.Body.String()); m != nil {
		answer += " " + m[1]
	} else {
		answer += " " + w.Body.String()
	}
	for line := range strings.Lines(a.log.text()) {
		answer += "\n    " + strings.TrimSuffix(line, "\n")
	}
	return answer + "\n"
}

// TestSiteLog: the log has the name of the site and the variables of TLS, which are made only if it shows them.
func TestSiteLog(t *testing.T) {
	made := 0
	for _, c := range []struct {
		format, request, want string
		made                  int
	}{
		{`%v`, "tls=site.example GET / a.site.example", "site.example", 0},
		{`%v`, "GET / evil.example", "evil.example", 0},
		{`%{SSL_PROTOCOL}x %{version}c %{HTTPS}x %{SSL_NO}x`, "tls=site.example GET / site.example", "TLSv1.3 TLSv1.3 on -", 1},
		{`%{SSL_PROTOCOL}x %{HTTPS}x`, "GET / site.example", "- off", 0},
	} {
		format, err := logs.ParseAccessFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		var line string
		made = 0
		s := newAsked(t, []string{"name=site.example", "alias=*.site.example"})
		s.accessLog = logs.NewAccessLog(format, func(b []byte) { line = string(b) })
		s.variables = func(_ *tls.ConnectionState, add func(key, value string)) {
			made++
			add("SSL_PROTOCOL", "TLSv1.3")
		}
		ss, r := siteRequest(t, strings.Fields(c.request))
		s.serveStream(ss, httptest.NewRecorder(), r)
		if line != c.want+"\n" || made != c.made {
			t.Errorf("%s of %q: %q, the variables made %d times, want %q, %d times", c.format, c.request, line, made, c.want, c.made)
		}
	}
}
