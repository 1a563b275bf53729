package logs

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is the request that the golden files are about: everything is known of it.
func sample() *Entry {
	return &Entry{
		Request: &http.Request{
			Method: "GET", RequestURI: "/caf%C3%A9/page?q=1&r=2", Proto: "HTTP/1.1", Host: "www.example.com:8000", RemoteAddr: "192.0.2.7:51234",
			URL: &url.URL{Path: "/café/page", RawQuery: "q=1&r=2"},
			Header: http.Header{
				"User-Agent": {`Mozilla "5.0"`}, "Referer": {"http://example.com/"}, "Accept": {"text/html", "text/plain"},
				"Cookie": {"a=1; session=xyz=", "b=2"},
			},
			TransferEncoding: []string{"chunked"},
			Trailer:          http.Header{"X-Sum": {"17"}},
		},
		Header: http.Header{"Content-Type": {"text/html"}, "Trailer": {"X-Count, X-Hash"}, "X-Hash": {"beef"}, "Trailer:Grpc-Status": {"0"}},
		Status: 200, Body: 2326, Received: 300, Sent: 2500, Reused: 3, KeepAlive: true,
		Start:    time.Date(2026, 1, 3, 9, 7, 14, 123456789, time.FixedZone("CET", 3600)),
		Duration: 1234567 * time.Microsecond, FirstByte: 1500 * time.Microsecond,
		Timings:  Timings{Queue: 250 * time.Microsecond, GIL: 1900 * time.Nanosecond, Application: 1201 * time.Millisecond},
		PeerAddr: "[2001:db8::1]:443", LocalAddr: &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 8000},
		ServerName: "example.com", Port: 80, User: "frank", ID: "Zx9", Handler: "wsgi-script", Filename: "/srv/app.wsgi", TID: 4660,
		Environ: func(name string) string { return map[string]string{"STAGE": "test"}[name] },
		Note:    func(name string) string { return map[string]string{"cache": "hit"}[name] },
		TLS: func(name string) string {
			return map[string]string{"SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": "TLS_AES_128_GCM_SHA256", "SSL_CLIENT_S_DN": "CN=Zoë"}[name]
		},
	}
}

// format compiles and applies a format, giving the line or the error.
func format(text string, e *Entry) string {
	f, err := ParseAccessFormat(text)
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.ReplaceAll(string(f.Append(nil, e)), fmt.Sprintf(`"pid":%d,`, os.Getpid()), `"pid":1,`)
}

func TestAccessFormat(t *testing.T) {
	golden(t, "testdata/access.txt", func(input string) string { return format(input, sample()) })
}

// Of a connection that never sent a request there is nothing to print, and that is no reason to crash.
func TestAccessFormatEmptyEntry(t *testing.T) {
	golden(t, "testdata/access_empty.txt", func(input string) string { return format(input, &Entry{Status: 408}) })
}

// After an internal redirect some directives are about the request before it, others about the one after it.
func TestAccessFormatRedirected(t *testing.T) {
	golden(t, "testdata/access_redirected.txt", func(input string) string {
		e, first := sample(), sample()
		e.Request.URL, e.Status, e.User, e.Handler, e.Filename = &url.URL{Path: "/error.html"}, 200, "", "file", "/srv/error.html"
		e.Original, first.Status = first, 404
		return format(input, e)
	})
}

// What a client sends cannot leave its field.
func TestAccessFormatHostile(t *testing.T) {
	evil := "\" \\ \n\r\t\b\v\x00\x7f\xff é"
	const escaped = `\" \\ \n\r\t\b\v\x00\x7f\xff \xc3\xa9`
	e := sample()
	e.Request = &http.Request{Method: evil, RequestURI: evil, Proto: evil, Host: evil, RemoteAddr: evil, URL: &url.URL{Path: evil, RawQuery: evil},
		Header: http.Header{"X": {evil}}}
	e.Header, e.User, e.ClientAddr = http.Header{"X": {evil}}, evil, evil
	for _, directive := range []string{"%m", "%U", "%H", "%V", "%{X}i", "%{X}o", "%u", "%h", "%a"} {
		if got := format(directive, e); got != escaped+"\n" {
			t.Errorf("%s: got %s want %s", directive, got, escaped)
		}
	}
	if got, want := format("%r", e), escaped+" "+escaped+" "+escaped+"\n"; got != want {
		t.Errorf("%%r: got %s want %s", got, want)
	}
}

func TestAccessFormatProcess(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	if got, want := format("%P %{pid}P %{tid}P %{hextid}P", sample()), pid+" "+pid+" 4660 1234\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func FuzzParseAccessFormat(f *testing.F) {
	for _, seed := range []string{"common", "combined", `%!200,304{X}i %<s %{end:%d/%b %T}t`, "%", "%{", "%4", "%^", "%^t", `\`, "%{%}t", "%99999999999s"} {
		f.Add(seed, "\n")
	}
	f.Fuzz(func(t *testing.T, text, evil string) {
		parsed, err := ParseAccessFormat(text)
		if err != nil {
			return
		}
		e := sample()
		e.User, e.Request.RequestURI, e.Request.Host, e.Request.Method = evil, evil, evil, evil
		e.Request.Header["User-Agent"], e.Request.Header["Cookie"] = []string{evil}, []string{evil}
		line := string(parsed.Append(nil, e))
		if strings.ContainsAny(text, "\\\n") || strings.Contains(text, "}t") {
			return // the format itself may ask for line ends
		}
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("format %q, request of %q: not one line: %q", text, evil, line)
		}
	})
}

// A line of the named formats costs no memory. Measured with Go 1.26.
func TestAccessFormatAllocations(t *testing.T) {
	for _, name := range []string{"common", "combined"} {
		f, err := ParseAccessFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		e, line := sample(), make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() { line = f.Append(line[:0], e) }); n != 0 {
			t.Errorf("%s: %v allocations per line, want 0", name, n)
		}
	}
}

func BenchmarkAccessCommon(b *testing.B) {
	f, _ := ParseAccessFormat("common")
	e, line := sample(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		line = f.Append(line[:0], e)
	}
}

func BenchmarkAccessCombined(b *testing.B) {
	f, _ := ParseAccessFormat("combined")
	fd, supervisor := packetPairB(b)
	go func() { _, _ = drainAll(supervisor) }()
	c := NewClient(fd, Levels{Level: Warn})
	log := NewAccessLog(f, c.Access)
	e := sample()
	b.ReportAllocs()
	for b.Loop() {
		log.Log(e)
	}
}

func ExampleAccessLog() {
	format, err := ParseAccessFormat(`%h "%r" %>s %b`)
	if err != nil {
		fmt.Println(err)
		return
	}
	log := NewAccessLog(format, func(line []byte) { fmt.Print(string(line)) })
	log.Log(&Entry{
		Request: &http.Request{Method: "GET", RequestURI: "/", Proto: "HTTP/1.1", RemoteAddr: "192.0.2.7:51234"},
		Status:  200, Body: 12,
	})
	// Output: 192.0.2.7 "GET / HTTP/1.1" 200 12
}

func BenchmarkAccessJSON(b *testing.B) {
	f, _ := ParseAccessFormat("json")
	e, line := sample(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		line = f.Append(line[:0], e)
	}
}
