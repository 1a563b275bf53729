package logs

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// A pipe that nobody reads fails a write; it does not block it. Once there is room it takes data again.
func TestStreamStalls(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s := &stream{f: w}
	block := []byte(strings.Repeat("x", 10000))
	total := 0
	for err == nil && total < 100<<20 {
		var n int
		n, err = s.Write(block)
		total += n
	}
	if !errors.Is(err, errStalled) {
		t.Fatalf("%d bytes: %v", total, err)
	}
	if n, err := s.Write(block); n != 0 || err == nil {
		t.Errorf("a full pipe took %d bytes, %v", n, err)
	}
	for left := total; left > 0; {
		n, err := r.Read(make([]byte, 65536))
		if err != nil {
			t.Fatal(err)
		}
		left -= n
	}
	if n, err := s.Write(block); n != len(block) || err != nil {
		t.Errorf("an empty pipe took %d bytes, %v", n, err)
	}
}

// A closed pipe is an ordinary failure.
func TestStreamBroken(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	defer w.Close()
	if _, err := (&stream{f: w}).Write([]byte("x")); err == nil || errors.Is(err, errStalled) {
		t.Errorf("got %v", err)
	}
}
