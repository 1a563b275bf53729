package server

import (
	"io"
	"net/http"
	"sync/atomic"

	"gild/server/cgi"
)

// A programBody is a request body on its way to a program, which has to be told its length.
type programBody struct {
	length  int64         // -1: there is none
	spooled *cgi.Spooled  // all of it; nil: it is read while the program runs
	x       *Exchange     // whose body is read while the program runs; nil: none is
	source  io.ReadCloser // that body
	ended   atomic.Bool   // there is nothing left to read of it
}

// takeBody reads a body that is small, of unknown length, or to be spooled; others are streamed. An error is mostly that of the client.
func (p *Programs) takeBody(x *Exchange) (*programBody, error) {
	r := x.Request
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return &programBody{length: -1}, nil
	}
	if r.ProtoMajor == 3 && r.Header["Expect"] != nil {
		x.WriteHeader(http.StatusContinue) // net/http does so by itself when the body is read
	}
	if r.ContentLength > cgi.SpoolMemory && !p.Spool {
		_ = x.FullDuplex() // a program may answer while it reads
		return &programBody{length: r.ContentLength, x: x, source: r.Body}, nil
	}
	spooled, err := cgi.Spool(r.Body)
	if err != nil {
		return nil, err
	}
	return &programBody{length: spooled.Length, spooled: spooled}, nil
}

// reader is what the program gets; nil if there is nothing.
func (b *programBody) reader() io.Reader {
	switch {
	case b.x != nil:
		return b
	case b.spooled != nil && b.length > 0:
		return b.spooled
	}
	return nil
}

// Read implements io.Reader for the goroutine that sends the body to the program.
func (b *programBody) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}

// stop has a Read that waits for the client fail, since the program does not want the rest. The response is with the client by then.
func (b *programBody) stop() {
	if b.x == nil || b.ended.Load() {
		return
	}
	if b.x.Sent() {
		_ = b.x.FlushError()
	}
	b.x.StopBody()
}

// close frees what the body holds, when nobody reads it any more.
func (b *programBody) close() {
	if b.spooled != nil {
		_ = b.spooled.Close()
	}
	if b.x != nil {
		_ = b.source.Close() // see scripts: golang.org/issue/68560
	}
}
