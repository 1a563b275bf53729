package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A telling note reports the end of its connection.
type telling chan bool

func (n telling) ConnectionEnd() { n <- true }

const plainGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// endings are the ways a connection can end after a request of the handler below: what is sent, and what is done then.
var endings = []struct {
	name, request string
	then          func(t *testing.T, s *running, c net.Conn)
}{
	{"the client leaves", plainGet, func(_ *testing.T, _ *running, c net.Conn) { c.Close() }},
	{"two requests", plainGet + plainGet, func(_ *testing.T, _ *running, c net.Conn) { c.Close() }},
	{"the client says so", "GET / HTTP/1.0\r\n\r\n", nil},
	{"the handler says so", "GET /close HTTP/1.1\r\nHost: h\r\n\r\n", nil},
	{"torn", "GET /torn HTTP/1.1\r\nHost: h\r\n\r\n", nil},
	{"reset", "GET /torn HTTP/1.0\r\n\r\n", nil},
	{"panic", "GET /panic HTTP/1.0\r\n\r\n", nil},
	{"client leaves in the response", "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n", func(_ *testing.T, _ *running, c net.Conn) { c.Close() }},
	{"nonsense after it", plainGet + "nonsense\r\n\r\n", nil},
	{"too long idle", plainGet, nil},
	{"Shutdown", plainGet, func(t *testing.T, s *running, _ net.Conn) { s.close(t) }},
	{"Shutdown without time", plainGet, func(t *testing.T, s *running, _ net.Conn) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) && err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}},
	{"hijacked", "GET /hijack HTTP/1.1\r\nHost: h\r\n\r\n", nil},
}

// endHandler leaves a note and goes on as the path says.
func endHandler(note telling) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		*x.Note() = note
		switch r.URL.Path {
		case "/close":
			x.Header().Set("Connection", "close")
		case "/torn":
			x.say("", "some")
			x.Abort(errors.New("deliberately"))
			return
		case "/panic":
			panic("deliberately")
		case "/hijack":
			c, _, err := http.NewResponseController(x).Hijack()
			if err == nil {
				c.Close()
			}
			return
		case "/endless":
			for block := make([]byte, 1<<16); ; {
				if _, err := x.Write(block); err != nil {
					return
				}
			}
		}
		hello(w, r)
	}
}

// TestConnectionEnd: the note is told once, however the connection ends.
func TestConnectionEnd(t *testing.T) {
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			note := make(telling, 10)
			s := start(t, endHandler(note), func(o *Options) { o.Timeouts.KeepAlive = 50 * time.Millisecond })
			c := s.dial(t)
			if _, err := io.WriteString(c, e.request); err != nil {
				t.Fatal(err)
			}
			if e.then != nil {
				if _, err := c.Read(make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				e.then(t, s, c)
			}
			<-note
			c.Close()
			s.close(t)
			if len(note) > 0 {
				t.Error("told more than once")
			}
		})
	}
}
