package compress

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// decoder reads what an encoder writes.
func decoder(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	var d io.Reader
	var err error
	switch coding {
	case "gzip":
		d, err = gzip.NewReader(r)
	case "br":
		d = brotli.NewReader(r)
	case "zstd":
		d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20)) // RFC 9659
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// prose is text of few words.
func prose(n int) []byte {
	words := strings.Fields("the server sends what an application has written and a client reads it\n line after line\n")
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteByte(" \n"[random.IntN(2)])
	}
	return b.Bytes()[:n]
}

// TestRoundTrip: what goes in comes out, whatever was in the encoder before, and it is less.
func TestRoundTrip(t *testing.T) {
	p := NewPool(1)
	for _, coding := range Offers {
		for _, size := range []int{0, 1, 500, 100_000, 3_000_000} {
			var out bytes.Buffer
			text := prose(size)
			e := p.Get(coding, &out)
			for piece := range bytes.SplitAfterSeq(text, []byte("\n")) {
				if _, err := e.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if size > 200 && out.Len() > size*3/4 {
				t.Errorf("%s: %d bytes became %d", coding, size, out.Len())
			}
			if got, err := io.ReadAll(decoder(t, coding, &out)); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s: %d bytes became %d, %v", coding, size, len(got), err)
			}
		}
	}
}

// TestFlush: after Flush a client can decode all that was written, also if the body never ends.
func TestFlush(t *testing.T) {
	p := NewPool(1)
	for _, coding := range Offers {
		var out bytes.Buffer
		e := p.Get(coding, &out)
		if err := e.Flush(); err != nil || out.Len() > 0 {
			t.Errorf("%s: a flush of nothing wrote %d bytes, %v", coding, out.Len(), err)
		}
		for i := range 3 {
			fmt.Fprintf(e, "event %d\n", i)
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprint(e, "the last")
		e.Abandon()
		got, err := io.ReadAll(decoder(t, coding, &out))
		if want := "event 0\nevent 1\nevent 2\nthe last"; string(got) != want || err == nil {
			t.Errorf("%s: %q, %v; want %q and no end", coding, got, err, want)
		}
	}
}

// TestBound: there are no more encoders than were said, and those that came back are lent again.
func TestBound(t *testing.T) {
	p := NewPool(2)
	a, b := p.Get("gzip", io.Discard), p.Get("br", io.Discard)
	if a == nil || b == nil || p.Get("zstd", io.Discard) != nil {
		t.Fatal("there are not two encoders")
	}
	a.Abandon()
	if c := p.Get("zstd", io.Discard); c == nil {
		t.Error("an encoder that came back is not lent again")
	}
}

func TestEligible(t *testing.T) {
	cases := []struct {
		status int
		fields string
		want   bool
	}{
		{200, "Content-Type: text/html; charset=utf-8", true},
		{200, "Content-Type: TEXT/CSS", true},
		{404, "Content-Type: application/json", true},
		{200, "Content-Type: application/problem+json", true},
		{200, "Content-Type: image/svg+xml", true},
		{200, "Content-Type: text/event-stream", false},
		{200, "Content-Type: image/png", false},
		{200, "", false},
		{204, "Content-Type: text/html", false},
		{205, "Content-Type: text/html", false},
		{206, "Content-Type: text/html", false},
		{304, "Content-Type: text/html", false},
		{200, "Content-Type: text/html\nContent-Encoding: gzip", false},
		{200, "Content-Type: text/html\nContent-Encoding: identity", false},
		{200, "Content-Type: text/html\nCache-Control: private, No-Transform", false},
		{416, "Content-Type: text/html\nContent-Range: bytes */5", false},
	}
	for _, c := range cases {
		h := http.Header{}
		for line := range strings.SplitSeq(c.fields, "\n") {
			name, value, _ := strings.Cut(line, ": ")
			if name != "" {
				h.Add(name, value)
			}
		}
		if got := Eligible(c.status, h); got != c.want {
			t.Errorf("%d %q: %v", c.status, c.fields, got)
		}
	}
}

func TestVary(t *testing.T) {
	for before, after := range map[string]string{"": "Accept-Encoding", "Cookie": "Cookie, Accept-Encoding",
		"Cookie, accept-encoding": "Cookie, accept-encoding", "*": "*"} {
		h := http.Header{}
		if before != "" {
			h.Set("Vary", before)
		}
		Vary(h)
		if got := strings.Join(h["Vary"], ", "); got != after {
			t.Errorf("%q became %q, want %q", before, got, after)
		}
	}
}
