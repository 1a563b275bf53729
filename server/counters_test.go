package server

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestCounters: what a server has answered and how much that was, refusals without an Exchange included.
func TestCounters(t *testing.T) {
	s := start(t, answer, nil)
	const greeting = `GET /hello HTTP/1.1\r\nHost: h\r\n\r\n` + "\n---\n" + `GET /nowhere HTTP/1.0\r\n\r\n`
	received := int64(0)
	for _, script := range []string{greeting, `GET /abort HTTP/1.0\r\n\r\n`, `GET /error-799 HTTP/1.0\r\n\r\n`, `nonsense\r\n\r\n`} {
		s.exchangeRaw(t, script)
	}
	s.close(t)
	got := s.Counters()
	if want := [6]uint64{1, 0, 2, 0, 1, 1}; got.Statuses != want || got.Requests != 5 {
		t.Errorf("%d requests, statuses %v; want 5, %v", got.Requests, got.Statuses, want)
	}
	received = int64(len("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n" + "GET /nowhere HTTP/1.0\r\n\r\n" +
		"GET /abort HTTP/1.0\r\n\r\n" + "GET /error-799 HTTP/1.0\r\n\r\n" + "nonsense\r\n\r\n"))
	if int64(got.Received) != received {
		t.Errorf("%d bytes received, want %d", got.Received, received)
	}
	if got.Connections != (Connections{Limit: 10000}) {
		t.Errorf("connections after the end: %+v", got.Connections)
	}
}

// TestCountersConnections: one that is kept, one in a request, one that has said nothing.
func TestCountersConnections(t *testing.T) {
	running, release, accepted := make(chan bool), make(chan bool), make(chan bool, 3)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(running)
			<-release
		}
		hello(w, r)
	}, func(o *Options) {
		o.Limits.Clients = 7
		o.Listeners[0].Socket = tellingListener{o.Listeners[0].Socket, accepted}
	})
	defer close(release)
	kept, busy := s.dial(t), s.dial(t)
	s.dial(t)
	get(t, kept)
	if _, err := busy.Write([]byte("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-running
	want := Connections{Open: 3, Active: 1, Idle: 1, Limit: 7}
	for i := 0; s.Counters().Connections != want; i++ { // the client is faster than the server's bookkeeping
		if i == 1000 {
			t.Fatalf("connections are %+v, want %+v", s.Counters().Connections, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestRate, on a fake clock: the rate is that of the last ten seconds.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n counters
		stop := make(chan struct{})
		n.rate.add(time.Now(), 0)
		go n.sample(stop)
		check := func(want float64) {
			t.Helper()
			if got := n.rate.perSecond(time.Now(), n.requests()); got < want*0.99 || got > want*1.01 {
				t.Errorf("rate %v, want %v", got, want)
			}
		}
		answerEvery(&n, time.Second, 4)
		check(1)
		answerEvery(&n, 10*time.Millisecond, 3000)
		check(100)
		time.Sleep(20 * time.Second)
		check(0)
		close(stop)
	})
}

// answerEvery counts so many requests at that distance.
func answerEvery(n *counters, distance time.Duration, requests int) {
	for range requests {
		time.Sleep(distance)
		n.count(1, 200, 0, 0)
	}
}
