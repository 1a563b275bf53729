package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func TestExactLoadCountsWhatBecomesOfRequests(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("Hello World!")) }
	for _, c := range []struct {
		about   string
		handler http.HandlerFunc
		kind    func(tally) int
	}{
		{"good answers", hello, func(t tally) int { return t.Requests }},
		{"other bodies", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("Hello")) }, func(t tally) int { return t.Bad }},
		{"errors", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Hello World!", http.StatusServiceUnavailable)
		}, func(t tally) int { return t.Bad }},
		{"torn connections", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(t tally) int { return t.Read }},
	} {
		server := httptest.NewServer(c.handler)
		got := exactly(t, server.Listener.Addr().String())
		server.Close()
		if c.kind(got) == 0 || (got.failures() == 0) != (c.about == "good answers") {
			t.Errorf("%s: counted %+v", c.about, got)
		}
	}
}

func exactly(t *testing.T, address string) tally {
	return load{endpoint{Address: address}, 3, 1, Request{Path: "/"}}.exact(t.Context(), 50*time.Millisecond, []byte("Hello World!"))
}

func TestExactLoadCountsRefusals(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if got := exactly(t, l.Addr().String()); got.Connect == 0 || got.Requests != 0 {
		t.Errorf("counted %+v at a port where nobody listens", got)
	}
}

func TestExactLoadKeepsConnections(t *testing.T) {
	accepted := make(chan net.Conn, 1000)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("Hello World!")) }))
	server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			accepted <- c
		}
	}
	server.Start()
	defer server.Close()
	if got := exactly(t, server.Listener.Addr().String()); len(accepted) != 3 || got.Requests < 3 {
		t.Errorf("%d requests on %d connections, want 3 connections", got.Requests, len(accepted))
	}
}

func TestTogetherRanksTheWaitsOfAll(t *testing.T) {
	clients := []counts{{seen: tally{Bad: 1}}, {seen: tally{TimedOut: 2}}}
	for i := range 100 {
		clients[i%2].waits = append(clients[i%2].waits, time.Duration(100-i))
	}
	got := together(clients, time.Second)
	want := tally{Requests: 101, Duration: time.Second, P50: 50, P99: 99, Worst: 100, Bad: 1, TimedOut: 2}
	if got != want {
		t.Errorf("together = %+v, want %+v", got, want)
	}
}

func TestAnAnswerThatIsLateIsToldFromATornOne(t *testing.T) {
	var c counts
	c.miss(&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded})
	if c.seen != (tally{TimedOut: 1}) {
		t.Errorf("counted %+v", c.seen)
	}
}

func TestRawSaysWhatBecomesOfTheConnection(t *testing.T) {
	for _, connection := range []string{"close", "keep-alive"} {
		text := string(Request{Path: "/x", Post: 3}.raw("h:1", connection))
		if !strings.HasPrefix(text, "POST /x HTTP/1.1\r\nHost: h:1\r\nConnection: "+connection+"\r\n") || !strings.HasSuffix(text, "\r\n\r\nxxx") {
			t.Errorf("raw = %q", text)
		}
	}
}
