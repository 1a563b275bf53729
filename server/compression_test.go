package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// answerText answers with text in the way that the query asks for: length is its size, declared the Content-Length, tag the entity
// tag, and flush has each of ten pieces flushed.
func answerText(w http.ResponseWriter, r *http.Request) {
	x, q := From(w), r.URL.Query()
	h := x.Header()
	h.Set("Content-Type", "text/plain")
	for name, field := range map[string]string{"tag": "Etag", "declared": "Content-Length", "encoding": "Content-Encoding"} {
		if v := q.Get(name); v != "" {
			h.Set(field, v)
		}
	}
	if tag := q.Get("tag"); tag != "" && r.Header.Get("If-None-Match") == tag {
		x.WriteHeader(http.StatusNotModified)
		return
	}
	var size int
	fmt.Sscan(q.Get("length"), &size)
	if q.Has("file") {
		_, _ = io.Copy(x, strings.NewReader(strings.Repeat("t", size)))
		return
	}
	for range 10 {
		if _, err := io.WriteString(x, strings.Repeat("t", size/10)); err != nil {
			return
		}
		if q.Has("flush") {
			x.Flush()
		}
	}
	if q.Has("abort") {
		x.Abort(errShort)
	}
}

// TestCompression: what the client gets for what the handler does.
func TestCompression(t *testing.T) {
	s := start(t, answerText, func(o *Options) { o.Compress = true })
	cases := []struct{ name, request, want string }{
		{"whole", "GET /?length=1000", "200 gzip Accept-Encoding - 1000 bytes"},
		{"declared", "GET /?length=1000&declared=1000&tag=%22x%22", `200 gzip Accept-Encoding W/"x-gzip" 1000 bytes`},
		{"a file", "GET /?length=1000&declared=1000&file", "200 gzip Accept-Encoding - 1000 bytes"},
		{"flushed", "GET /?length=1000&flush", "200 gzip Accept-Encoding - 1000 bytes"},
		{"small", "GET /?length=190&declared=190&tag=%22x%22", `200 - Accept-Encoding "x" 190 bytes`},
		{"small, not declared", "GET /?length=10", "200 gzip Accept-Encoding - 10 bytes"},
		{"encoded already", "GET /?length=1000&encoding=x-own", "200 x-own - - 1000 bytes"},
		{"HEAD", "HEAD /?length=1000&declared=1000&tag=%22x%22", `200 gzip Accept-Encoding W/"x-gzip" 0 bytes`},
		{"too long", "GET /?length=1000&declared=500", "200 gzip Accept-Encoding - 500 bytes"},
		{"too short", "GET /?length=1000&declared=1500", "200 gzip Accept-Encoding - 1000 bytes torn"},
		{"torn", "GET /?length=1000&abort", "200 gzip Accept-Encoding - 1000 bytes torn"},
		{"another coding", "GET /?length=1000 deflate", "200 - Accept-Encoding - 1000 bytes"},
		{"known", `GET /?length=1000&tag=%22x%22 gzip W/"x-gzip"`, `304 - Accept-Encoding W/"x-gzip" 0 bytes`},
		{"known by its own tag", `GET /?length=1000&tag=%22x%22 gzip "x"`, `304 - - "x" 0 bytes`},
		{"known otherwise", `GET /?length=1000&tag=%22x%22 gzip W/"y-gzip"`, `200 gzip Accept-Encoding W/"x-gzip" 1000 bytes`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := getEncoded(t, s, strings.Fields(c.request+" gzip")); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// getEncoded sends a request, the words of which are method, target, Accept-Encoding and If-None-Match, and says what came back.
func getEncoded(t *testing.T, s *running, words []string) string {
	request, err := http.NewRequest(words[0], "http://"+s.addr+words[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", words[2])
	if len(words) > 4 {
		request.Header.Set("If-None-Match", words[3])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	torn := ""
	if err != nil {
		torn = " torn"
	}
	field := func(name string) string {
		if v := response.Header.Get(name); v != "" {
			return v
		}
		return "-"
	}
	if field("Content-Encoding") == "gzip" && len(raw) > 0 {
		raw = gunzip(t, raw)
	}
	return fmt.Sprintf("%d %s %s %s %d bytes%s", response.StatusCode, field("Content-Encoding"), field("Vary"), field("Etag"), len(raw), torn)
}

// gunzip decodes what there is.
func gunzip(t *testing.T, raw []byte) []byte {
	d, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(d)
	return text
}

// TestCompressionStreams: what was flushed can be read before there is more.
func TestCompressionStreams(t *testing.T) {
	more := make(chan bool)
	s := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for range 3 {
			fmt.Fprint(w, "a piece\n")
			From(w).Flush()
			<-more
		}
	}, func(o *Options) { o.Compress = true })
	request, _ := http.NewRequest("GET", "http://"+s.addr, nil)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	d, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		piece := make([]byte, len("a piece\n"))
		if _, err := io.ReadFull(d, piece); err != nil || string(piece) != "a piece\n" {
			t.Fatalf("%q, %v", piece, err)
		}
		more <- true
	}
}

// TestCompressionIsBounded: who comes when all encoders are in use gets the response as it is.
func TestCompressionIsBounded(t *testing.T) {
	s := start(t, answerText, func(o *Options) { o.Compress = true })
	for range mostEncoders {
		e := s.compressors.Get("gzip", io.Discard)
		defer e.Abandon()
	}
	if got, want := getEncoded(t, s, []string{"GET", "/?length=1000&tag=%22x%22", "gzip"}), `200 - Accept-Encoding "x" 1000 bytes`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
