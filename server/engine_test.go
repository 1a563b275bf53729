package server

import (
	"strings"
	"testing"

	"gild/logs"
)

// TestEngineLog: what net/http says reaches the error log in its shape, and only from info level on.
func TestEngineLog(t *testing.T) {
	s := start(t, hello, nil)
	s.http.ErrorLog.Printf("http: %s", "something about a client")
	if text := s.log.text(); text != "info: something about a client\n" {
		t.Errorf("logged %q", text)
	}
	quiet := &testLog{level: logs.Warn}
	engineLog{quiet}.Write([]byte("http: more\n"))
	if text := quiet.text(); text != "" {
		t.Errorf("logged %q at level warn", text)
	}
}

// TestRefusalsAreLogged: whoever wonders about a 4xx finds the reason at info level.
func TestRefusalsAreLogged(t *testing.T) {
	s := start(t, answer, func(o *Options) { o.Limits.Body = 10 })
	for request, want := range map[string]string{
		`GET /hello HTTP/1.1\r\n\r\n`:                                     "400 Bad Request (missing required Host header)",
		`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n\{11:x}`: "413 Request Entity Too Large (body of 11 bytes, the limit is 10)",
		`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n`:   "501 Not Implemented (Unsupported transfer encoding)",
		`POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n`:           "400 Bad Request (body framed by Transfer-Encoding and by something else)",
		`GET /a%2Fb HTTP/1.0\r\n\r\n`:                                     "404 Not Found (encoded slash or NUL in the path)",
	} {
		s.exchangeRaw(t, request)
		if text := s.log.text(); !strings.Contains(text, "info: Request refused: "+want+"\n") {
			t.Errorf("%s: want %q, the log has:\n%s", request, want, text)
		}
	}
}
