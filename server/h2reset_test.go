package server

import (
	"net/http"
	"sync/atomic"
	"testing"
)

// TestH2RapidReset: a client that resets its streams as soon as it has opened them (CVE-2023-44487) gets no more handlers than
// one that does not, and loses its connection.
func TestH2RapidReset(t *testing.T) {
	var running atomic.Int64
	inside, through := make(chan bool, 3000), make(chan bool)
	s := start(t, func(http.ResponseWriter, *http.Request) {
		running.Add(1)
		inside <- true
		<-through // an application does not notice a reset
	}, func(o *Options) { o.H2C = true })
	f := newFraming(t, s.dial(t)).greet()
	f.play("3000 * headers {} GET / ; rst {} 8")
	<-inside
	if n := running.Load(); n > h2Streams {
		t.Errorf("%d handlers run, of a client that may have %d streams", n, h2Streams)
	}
	close(through)
}
