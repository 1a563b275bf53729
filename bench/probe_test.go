package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestAskSendsWhatTheCaseSays(t *testing.T) {
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", r.Header.Get("X-Bench-30"), " ", len(body))
	}))
	defer served.Close()
	request := Request{Path: "/a", Header: thirtyHeaders(), Post: 5}
	got, err := ask(t.Context(), endpoint{Address: served.Listener.Addr().String()}, request)
	if want := "POST /a value of the header no. 30 5"; err != nil || got.Status != 200 || string(got.Body) != want {
		t.Errorf("answer %d %q (%v), want 200 %q", got.Status, got.Body, err, want)
	}
}

// A server that accepts and then says nothing is what the probe is for.
func TestProbeCountsWhoIsStarved(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	seen := probe(t.Context(), endpoint{Address: silent.Addr().String()}, Request{Path: "/"}, probeTail+3*probeEvery)
	if len(seen.Waits) != 0 || seen.Unanswered == 0 {
		t.Errorf("silent server: %d answered, %d unanswered", len(seen.Waits), seen.Unanswered)
	}
	if _, ok := seen.median(); ok {
		t.Error("a median of connections that were never answered")
	}
}

func TestProbeSeesAnswersAndErrors(t *testing.T) {
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer served.Close()
	address := endpoint{Address: served.Listener.Addr().String()}
	if good := probe(t.Context(), address, Request{Path: "/"}, probeTail+3*probeEvery); len(good.Waits) == 0 || good.Unanswered != 0 {
		t.Errorf("good server: %+v", good)
	}
	if bad := probe(t.Context(), address, Request{Path: "/broken"}, probeTail+3*probeEvery); len(bad.Waits) != 0 || bad.Unanswered == 0 {
		t.Errorf("server that answers 502: %+v", bad)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if seen := probe(ctx, endpoint{Address: "127.0.0.1:1"}, Request{Path: "/"}, time.Hour); len(seen.Waits)+seen.Unanswered != 0 {
		t.Errorf("probes after the end: %+v", seen)
	}
}

func TestFreshMedianCountsTheUnansweredAsLongest(t *testing.T) {
	waits := []time.Duration{1, 2, 3}
	for _, c := range []struct {
		f    fresh
		want time.Duration
		ok   bool
	}{
		{fresh{}, 0, false},
		{fresh{waits, 0}, 2, true},
		{fresh{waits, 2}, 3, true},
		{fresh{waits, 3}, 3, true},
		{fresh{waits, 4}, 0, false},
	} {
		if got, ok := c.f.median(); got != c.want || ok != c.ok {
			t.Errorf("median of %+v = %d, %t; want %d, %t", c.f, got, ok, c.want, c.ok)
		}
	}
}
