package server

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// startAll is startQUIC whose TCP port is one of HTTPS.
func startAll(t *testing.T) *quicRunning {
	t.Helper()
	return startQUIC(t, hello, func(o *Options) {
		o.Listeners[0].Info.Scheme = "https"
		from := o.QUIC.TLS.GetConfigForClient
		o.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := from(hello)
			if err == nil {
				c = c.Clone()
				c.NextProtos = []string{"h2", "http/1.1"}
			}
			return c, err
		}}
	})
}

// ask makes a request over TCP, and keeps the connection.
func (r *quicRunning) ask(t *testing.T, h2 bool) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: r.tls.Clone(), ForceAttemptHTTP2: h2}
	t.Cleanup(transport.CloseIdleConnections)
	client := http.Client{Transport: transport, Timeout: 20 * time.Second}
	resp, err := client.Get("https://" + r.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, resp.Body) // or the connection would not be kept
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.ProtoMajor == 2; got != h2 {
		t.Fatalf("the response came in %s", resp.Proto)
	}
}

// TestCountersProtocols: requests by protocol, and the connections they came on.
func TestCountersProtocols(t *testing.T) {
	r := startAll(t)
	r.ask(t, false)
	for range 2 {
		r.ask(t, true)
	}
	for range 3 {
		r.get(t, "/")
	}
	want := Protocols{HTTP1: 1, HTTP2: 2, HTTP3: 3}
	var got Counters
	for i := 0; got.Protocols != want; i++ { // the client is faster than the server's bookkeeping
		if got = r.Counters(); i == 1000 {
			t.Fatalf("%+v, want %+v", got.Protocols, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got.Requests != 6 || got.Statuses[2] != 6 || got.HandshakeFailures != 0 {
		t.Errorf("%+v", got)
	}
	if c := got.Connections; c.TLS != 3 || c.QUIC != 1 || c.Open != 4 {
		t.Errorf("connections: %+v", c)
	}
}

// TestCountersHandshakes: who does not trust the certificate fails, over TCP as over UDP; who only looks whether the port is
// open does not.
func TestCountersHandshakes(t *testing.T) {
	r := startAll(t)
	looks, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	looks.Close()
	stranger := &tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http3.NextProtoH3, "http/1.1"}}
	if _, err := tls.Dial("tcp", r.addr, stranger); err == nil {
		t.Fatal("the certificate was trusted")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := quic.DialAddr(ctx, r.address, stranger, nil); err == nil {
		t.Fatal("the certificate was trusted")
	}
	for i := 0; r.Counters().HandshakeFailures < 2; i++ {
		if i == 1000 {
			t.Fatalf("%d failures, want 2:\n%s", r.Counters().HandshakeFailures, r.log.text())
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.close(t)
	if n := r.Counters().HandshakeFailures; n != 2 {
		t.Errorf("%d failures, want 2", n)
	}
	for _, line := range []string{"info: TLS handshake failed: ", "info: QUIC handshake failed: "} {
		if !strings.Contains(r.log.text(), line) {
			t.Errorf("there is no line %q:\n%s", line, r.log.text())
		}
	}
}
