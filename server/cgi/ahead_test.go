package cgi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// A source is an Output that counts what was read of it.
type source struct {
	io.Reader
	read   atomic.Int64
	closed chan struct{}
}

func newSource(r io.Reader) *source { return &source{Reader: r, closed: make(chan struct{})} }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.read.Add(int64(n))
	return n, err
}

func (s *source) Buffered() int { return 0 }

func (s *source) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

// TestAhead: what fits is read although nobody takes it, and its process is free; then it arrives whole.
func TestAhead(t *testing.T) {
	var all atomic.Int64
	text := bytes.Repeat([]byte("0123456789"), mostAhead/10-1)
	s := newSource(bytes.NewReader(text))
	a := readAhead(s, func() {}, &all)
	<-s.closed
	if got, err := io.ReadAll(a); !bytes.Equal(got, text) || err != nil {
		t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
	}
	if _, err := a.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
	_ = a.Close()
	if n := all.Load(); n != 0 {
		t.Errorf("%d bytes are held after all", n)
	}
}

// TestAheadIsBounded: no more is read than may be held, and the least when others hold much.
func TestAheadIsBounded(t *testing.T) {
	for held, most := range map[int64]int64{0: mostAhead, allAhead: leastAhead} {
		var all atomic.Int64
		all.Store(held)
		endless := newSource(bytes.NewReader(make([]byte, 4*mostAhead)))
		a := readAhead(endless, func() {}, &all)
		until(t, "a full store", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.isFull() })
		if n := endless.read.Load(); n < most || n > most+16<<10 {
			t.Errorf("with %d held by others: %d bytes were read, want %d", held, n, most)
		}
		if n, err := io.Copy(io.Discard, a); n != 4*mostAhead || err != nil {
			t.Errorf("%d bytes came, %v", n, err)
		}
		_ = a.Close()
		if n := all.Load(); n != held {
			t.Errorf("%d bytes are held after all", n-held)
		}
	}
}

// TestAheadFails: an error comes after what was there before it.
func TestAheadFails(t *testing.T) {
	var all atomic.Int64
	broken := errors.New("broken")
	a := readAhead(newSource(io.MultiReader(bytes.NewReader([]byte("some")), iotest.ErrReader(broken))), func() {}, &all)
	if got, err := io.ReadAll(a); string(got) != "some" || err != broken {
		t.Errorf("got %q, %v", got, err)
	}
	_ = a.Close()
}

// TestAheadGivenUp: Close ends a Read that waits, and waits for its end.
func TestAheadGivenUp(t *testing.T) {
	var all atomic.Int64
	in, out := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() { _ = out.CloseWithError(ctx.Err()) })
	s := newSource(in)
	a := readAhead(s, cancel, &all)
	_, _ = out.Write([]byte("some"))
	_ = a.Close()
	select {
	case <-s.closed:
	default:
		t.Error("it goes on after Close")
	}
	if n := all.Load(); n != 0 {
		t.Errorf("%d bytes are held after all", n)
	}
}
