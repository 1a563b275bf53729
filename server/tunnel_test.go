package server

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"testing"
)

// TestWantsWebSocket: an upgrade is asked for by a GET of HTTP/1.1 without a body, with both fields (RFC 6455 section 4.2.1); with
// HTTP/2 and HTTP/3 by :protocol alone.
func TestWantsWebSocket(t *testing.T) {
	for _, c := range []struct {
		method, upgrade, connection string
		major, minor                int
		length                      int64
		protocol                    string
		want                        bool
	}{
		{"GET", "websocket", "Upgrade", 1, 1, 0, "", true},
		{"GET", "WebSocket", "keep-alive, upgrade", 1, 1, 0, "", true},
		{"GET", "websocket", "", 1, 1, 0, "", false},
		{"GET", "websocket", "keep-alive", 1, 1, 0, "", false},
		{"GET", "websocket", "Upgraded", 1, 1, 0, "", false},
		{"GET", "", "Upgrade", 1, 1, 0, "", false},
		{"GET", "h2c", "Upgrade", 1, 1, 0, "", false},
		{"GET", "h2c, websocket", "Upgrade", 1, 1, 0, "", false},
		{"POST", "websocket", "Upgrade", 1, 1, 0, "", false},
		{"GET", "websocket", "Upgrade", 1, 0, 0, "", false},
		{"GET", "websocket", "Upgrade", 1, 1, 5, "", false},
		{"GET", "websocket", "Upgrade", 1, 1, -1, "", false},
		{"GET", "websocket", "Upgrade", 2, 0, 0, "", false},
		{"CONNECT", "", "", 2, 0, -1, "websocket", true},
		{"CONNECT", "", "", 3, 0, -1, "websocket", true},
		{"CONNECT", "", "", 3, 0, -1, "connect-udp", false},
	} {
		x := &Exchange{protocol: c.protocol, Request: &http.Request{Method: c.method, ProtoMajor: c.major, ProtoMinor: c.minor,
			ContentLength: c.length, Header: http.Header{"Upgrade": {c.upgrade}, "Connection": {c.connection}}}}
		if got := x.wantsWebSocket(); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

// TestTakeProtocol: where the engines leave :protocol, and what only looks like it.
func TestTakeProtocol(t *testing.T) {
	for _, c := range []struct {
		method, proto string
		major         int
		field         []string
		want, left    string // protocol, and Proto
	}{
		{"CONNECT", "HTTP/2.0", 2, []string{"websocket"}, "websocket", "HTTP/2.0"},
		{"CONNECT", "HTTP/2.0", 2, nil, "", "HTTP/2.0"},
		{"CONNECT", "websocket", 3, nil, "websocket", "HTTP/3.0"},
		{"CONNECT", "HTTP/3.0", 3, nil, "", "HTTP/3.0"},
		{"GET", "HTTP/2.0", 2, []string{"websocket"}, "", "HTTP/2.0"},
		{"CONNECT", "HTTP/1.1", 1, []string{"websocket"}, "", "HTTP/1.1"},
	} {
		r := &http.Request{Method: c.method, Proto: c.proto, ProtoMajor: c.major, Header: http.Header{":protocol": c.field}}
		x := &Exchange{Request: r}
		x.takeProtocol()
		if x.protocol != c.want || r.Proto != c.left || c.want != "" && len(r.Header[":protocol"]) > 0 {
			t.Errorf("%+v: got %q, %q, %v", c, x.protocol, r.Proto, r.Header)
		}
	}
}

// TestTunnelCounts: a connection that has become a tunnel is one in a request, until it ends.
func TestTunnelCounts(t *testing.T) {
	r := start(t, func(w http.ResponseWriter, _ *http.Request) {
		if client, err := From(w).Tunnel(); err == nil {
			_, _ = io.Copy(client, client)
		}
	}, nil)
	c := r.dial(t)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	if n := r.Counters().Connections; n.Open != 1 || n.Active != 1 {
		t.Errorf("the counts are %+v", n)
	}
	_ = c.Close()
	for r.Counters().Connections.Open > 0 {
		runtime.Gosched() // the test ends by its time limit if this does not
	}
}
