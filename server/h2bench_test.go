package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// BenchmarkHelloH2 is BenchmarkHello on a stream of its own each time, one after the other.
func BenchmarkHelloH2(b *testing.B) {
	benchmarkH2(b, start(b, hello, func(o *Options) { o.H2C = true }).addr)
}

// BenchmarkHelloH2Bare is net/http alone, for comparison.
func BenchmarkHelloH2Bare(b *testing.B) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	bare := &http.Server{Handler: http.HandlerFunc(hello), Protocols: &protocols}
	go func() { _ = bare.Serve(socket) }()
	defer bare.Close()
	benchmarkH2(b, socket.Addr().String())
}

// BenchmarkHelloTLS is BenchmarkHello over TLS.
func BenchmarkHelloTLS(b *testing.B) {
	s := start(b, hello, overTLS)
	c := s.handshake(b, tlsClient())
	request := []byte(plainGet)
	buf := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil { // a response is one record
			b.Fatal(err)
		}
	}
}

func benchmarkH2(b *testing.B, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	f := http2.NewFramer(c, c)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		b.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		b.Fatal(err)
	}
	block := helloBlock(addr)
	b.ReportAllocs()
	id := uint32(1)
	for b.Loop() {
		err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndStream: true, EndHeaders: true})
		if err != nil {
			b.Fatal(err)
		}
		for ended := false; !ended; {
			frame, err := f.ReadFrame()
			if err != nil {
				b.Fatal(err)
			}
			data, ok := frame.(*http2.DataFrame)
			ended = ok && data.StreamEnded()
		}
		if id += 2; id%1000 == 1 {
			if err := f.WriteWindowUpdate(0, 500*uint32(len(helloBody))); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// helloBlock is the header of a request that leaves the table of the connection as it is.
func helloBlock(addr string) []byte {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0)
	for _, field := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/"},
		{Name: ":authority", Value: addr}, {Name: "user-agent", Value: "bench"}, {Name: "accept", Value: "*/*"}} {
		_ = e.WriteField(field) // to memory
	}
	return block.Bytes()
}
