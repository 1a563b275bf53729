package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestExtraListener: a UNIX socket beside the site, with a handler of its own, which ends with the server.
func TestExtraListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "status")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	beside := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "beside") }
	s := start(t, hello, func(o *Options) { o.Extra = []ExtraListener{{socket, http.HandlerFunc(beside)}} })
	get(t, s.dial(t))
	for range 2 * extraClients { // each connection is over after its request
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, plainGet); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(c)
		if err != nil || !strings.HasSuffix(string(text), "\r\n\r\nbeside") {
			t.Fatalf("got %q, error %v", text, err)
		}
		c.Close()
	}
	s.close(t)
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		t.Error("the socket is still open")
	}
	if n := s.Counters().Requests; n != 1 {
		t.Errorf("%d requests were counted, want the one of the site", n)
	}
}

// brokenListener cannot accept.
type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("deliberately") }

// TestExtraListenerFails: it is missed in the log, and the site goes on.
func TestExtraListenerFails(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, hello, func(o *Options) {
		o.Extra = []ExtraListener{{brokenListener{socket}, http.NotFoundHandler()}}
	})
	get(t, s.dial(t))
	for !strings.Contains(s.log.text(), "any more: deliberately") {
		if t.Context().Err() != nil {
			t.Fatal("nothing was logged")
		}
	}
}
