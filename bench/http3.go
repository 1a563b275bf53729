package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/quic-go/quic-go/http3"
)

// askOverHTTP3 keeps connections of HTTP/3, each with a socket of its own, and asks on each again and again. One that
// is lost is replaced.
func askOverHTTP3(ctx context.Context, l load) tally {
	return drive(ctx, l.Connections, l.length(), func(c *counts, more func() bool) {
		transport := &http3.Transport{TLSClientConfig: newcomer(http3.NextProtoH3)}
		defer transport.Close()
		for more() {
			c.askOverHTTP3(ctx, transport, l.url(l.Path))
		}
	})
}

func (c *counts) askOverHTTP3(ctx context.Context, transport *http3.Transport, url string) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	begin := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		c.miss(err)
		return
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		c.miss(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.miss(err)
		return
	}
	c.judge(response.StatusCode == http.StatusOK && string(body) == helloBody, time.Since(begin))
}
