package server

import (
	"net/http"
	"sync"
	"testing"
)

// TestStreamsAreBounded: a connection may bring many requests, but all of them together no more than connections could. What
// is one too many is refused at once, and the others are served.
func TestStreamsAreBounded(t *testing.T) {
	const limit, more = 4, 3
	inside, open := make(chan bool, limit), make(chan bool)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		inside <- true
		<-open
		hello(w, r)
	}, func(o *Options) { o.H2C, o.Limits.Clients = true, limit })
	client := ways[3].client(t)
	statuses := make(chan int, limit+more)
	var asked sync.WaitGroup
	ask := func() {
		defer asked.Done()
		answer, err := client.Get("http://" + s.addr + "/")
		if err != nil {
			t.Error(err)
			return
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
		statuses <- answer.StatusCode
	}
	asked.Add(limit + more)
	for range limit {
		go ask()
		<-inside
	}
	for range more {
		go ask()
		if got := <-statuses; got != http.StatusServiceUnavailable {
			t.Errorf("status %d of a request too many", got)
		}
	}
	close(open)
	asked.Wait()
	for range limit {
		if got := <-statuses; got != http.StatusOK {
			t.Errorf("status %d of a request that was taken", got)
		}
	}
}
