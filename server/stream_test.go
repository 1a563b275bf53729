package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gild/logs"
)

// streamCases are requests of a session and what becomes of them: whether the stream is torn, and the line in the log.
var streamCases = []struct {
	method, path, body string
	torn               bool
	want               string
}{
	{"GET", "/hello", "", false, `"GET /hello HTTP/2.0" 200 12 0 + - "-" - -`},
	{"POST", "/echo", "some", false, `"POST /echo HTTP/2.0" 200 35 1 + - "-" - -`},
	{"GET", "/abort-late", "", true, `"GET /abort-late HTTP/2.0" 200 4 2 X - "-" - -`},
	{"GET", "/short", "", true, `"GET /short HTTP/2.0" 200 4 3 X - "-" - -`},
	{"HEAD", "/hello", "", false, `"HEAD /hello HTTP/2.0" 200 - 4 + - "-" - -`},
	{"TRACE", "/", "", false, `"TRACE / HTTP/2.0" 405 (page) 5 + - "-" - -`},
	{"GET", "/nothing", "", false, `"GET /nothing HTTP/2.0" 200 - 6 + - "-" - -`},
}

// TestStream is the life of a request of a session without an engine.
func TestStream(t *testing.T) {
	format, err := logs.ParseAccessFormat(accessFormat)
	if err != nil {
		t.Fatal(err)
	}
	var line string
	s := start(t, answer, func(o *Options) {
		o.AccessLog = logs.NewAccessLog(format, func(b []byte) { line = string(b) })
	})
	ss := s.session()
	for _, c := range streamCases {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		torn := s.serveRecorded(ss, r)
		if torn != c.torn || strings.TrimSuffix(line, "\n") != withLengths(c.want) {
			t.Errorf("%s %s: torn %t, want %t; the log has\n%swant\n%s", c.method, c.path, torn, c.torn, line, c.want)
		}
	}
}

// session opens one that is never closed.
func (r *running) session() *session {
	ss := &session{server: r.Server, link: link{info: &Info{Scheme: "https"}, local: &net.TCPAddr{}}}
	ss.open()
	return ss
}

// serveRecorded serves r and reports whether the stream was torn.
func (r *running) serveRecorded(ss *session, request *http.Request) (torn bool) {
	defer func() {
		if v := recover(); v != nil {
			torn = errors.Is(v.(error), http.ErrAbortHandler)
		}
	}()
	r.serveStream(ss, httptest.NewRecorder(), request)
	return false
}

// A lastNote is told once.
type lastNote struct{ ends int }

func (n *lastNote) ConnectionEnd() { n.ends++ }

// TestStreamEnd: each stream is a connection of its own, which ends with its handler, however that does; and a response
// has no field that speaks of a connection.
func TestStreamEnd(t *testing.T) {
	var note *lastNote
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		if *x.Note() != nil {
			t.Error("the note of another stream")
		}
		note = new(lastNote)
		*x.Note() = note
		for _, name := range perConnection {
			w.Header().Set(name, "close")
		}
		if r.URL.Path == "/panic" {
			panic("secret")
		}
		_, _ = io.WriteString(w, "some")
	}, nil)
	ss := s.session()
	for _, path := range []string{"/", "/panic", "/"} {
		w := httptest.NewRecorder()
		s.serveStream(ss, w, httptest.NewRequest("GET", path, nil))
		if note.ends != 1 {
			t.Errorf("%s: the note was told %d times", path, note.ends)
		}
		for _, name := range perConnection {
			if w.Header().Get(name) != "" {
				t.Errorf("%s: the response has %s", path, name)
			}
		}
	}
}
