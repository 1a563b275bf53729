package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"gild/logs"
)

var (
	helloBody   = []byte("Hello World!")
	helloType   = []string{"text/plain"}
	helloLength = []string{"12"}
)

func hello(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = helloType, helloLength
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(helloBody)
}

// BenchmarkHello is a request of wrk's on a connection that is kept, through everything but Python.
func BenchmarkHello(b *testing.B) { benchmarkHello(b, start(b, hello, nil).addr) }

// BenchmarkHelloLogged is the same with an access log.
func BenchmarkHelloLogged(b *testing.B) {
	format, err := logs.ParseAccessFormat("combined")
	if err != nil {
		b.Fatal(err)
	}
	sink := func([]byte) {}
	s := start(b, hello, func(o *Options) { o.AccessLog = logs.NewAccessLog(format, sink) })
	benchmarkHello(b, s.addr)
}

// BenchmarkHelloBare is net/http alone, for comparison.
func BenchmarkHelloBare(b *testing.B) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	bare := &http.Server{Handler: http.HandlerFunc(hello)}
	go func() { _ = bare.Serve(socket) }()
	defer bare.Close()
	benchmarkHello(b, socket.Addr().String())
}

func benchmarkHello(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	r := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := io.CopyN(io.Discard, r, int64(len(helloBody))); err != nil {
			b.Fatal(err)
		}
	}
}
