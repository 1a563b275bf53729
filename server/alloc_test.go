package server

import (
	"net"
	"net/http"
	"testing"
)

// maxExtraAllocs is what a request may allocate beyond what net/http itself does. Go 1.26, November 2026.
const maxExtraAllocs = 0

// TestAllocs compares a request through the server with one through net/http alone.
func TestAllocs(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Server{Handler: http.HandlerFunc(hello)}
	go func() { _ = plain.Serve(socket) }()
	defer plain.Close()
	bare := allocs(t, socket.Addr().String())
	ours := allocs(t, start(t, hello, nil).addr)
	if ours > bare+maxExtraAllocs {
		t.Errorf("a request allocates %v times, net/http alone %v times", ours, bare)
	}
}

// allocs is the number of allocations of the process per request for hello.
func allocs(t *testing.T, addr string) float64 {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	buf := make([]byte, 1024)
	return testing.AllocsPerRun(1000, func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil { // both write a response in one piece
			t.Fatal(err)
		}
	})
}
