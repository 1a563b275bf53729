package server

import (
	"bytes"
	"strings"
	"testing"
)

var headCases = []struct {
	name           string
	text           string
	done           bool
	size, fields   int
	length, coding bool
}{
	{"whole", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", true, 27, 1, false, false},
	{"with what follows", "GET / HTTP/1.1\r\nHost: h\r\n\r\nContent-Length: 1\r\n", true, 27, 1, false, false},
	{"half", "GET / HTTP/1.1\r\nHost: h\r\n", false, 25, 1, false, false},
	{"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n", true, 24, 1, false, false},
	{"empty line first", "\r\nGET / HTTP/1.1\r\n\r\n", true, 20, 0, false, false},
	{"length", "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n", true, 38, 1, true, false},
	{"coding", "POST / HTTP/1.1\r\ntransfer-ENCODING:chunked\r\n\r\n", true, 46, 1, false, true},
	{"both", "POST / HTTP/1.1\r\nContent-length:1\r\nTransfer-Encoding:x\r\n\r\n", true, 58, 2, true, true},
	{"in the request line", "Content-Length: HTTP/1.1\r\n\r\n", true, 28, 0, false, false},
	{"in a folded line", "GET / HTTP/1.1\r\nX: 1\r\n Content-Length: 1\r\n\r\n", true, 44, 2, false, false},
	{"longer names", "GET / HTTP/1.1\r\nContent-Lengthy: 1\r\nTransfer-Encodings: 1\r\n\r\n", true, 61, 2, false, false},
	{"return in the middle", "GET / HTTP/1.1\r\n\rX: 1\r\n\r\n", true, 25, 1, false, false},
}

func TestHead(t *testing.T) {
	for _, c := range headCases {
		var h head
		h.start(true)
		h.scan([]byte(c.text))
		if h.done != c.done || h.size != c.size || h.fields() != c.fields || h.length != c.length || h.coding != c.coding {
			t.Errorf("%s: got %+v, want %+v", c.name, h, c)
		}
	}
}

// FuzzHead cuts a head in two at every place: what is found must not depend on how the bytes arrive, and must be what a
// simple-minded reading of the lines finds.
func FuzzHead(f *testing.F) {
	for _, c := range headCases {
		f.Add([]byte(c.text), 5)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		if cut < 0 || cut > len(text) {
			return
		}
		var whole, parts head
		whole.scan(text)
		parts.scan(text[:cut])
		parts.scan(text[cut:])
		whole.begin, parts.begin = [20]byte{}, [20]byte{} // scratch
		if whole != parts {
			t.Fatalf("cut at %d: got %+v, want %+v", cut, parts, whole)
		}
		length, coding := simpleHead(text)
		if whole.length != length || whole.coding != coding {
			t.Fatalf("got length %t, coding %t, want %t, %t", whole.length, whole.coding, length, coding)
		}
	})
}

// simpleHead looks for the two fields the slow way.
func simpleHead(text []byte) (length, coding bool) {
	lines := 0
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		if s := string(line); s == "\n" || s == "\r\n" {
			if lines > 0 {
				break
			}
			continue
		}
		if lines++; lines > 1 {
			// Names are compared without regard to case, in ASCII as they are.
			length = length || strings.HasPrefix(asciiLower(line), "content-length:")
			coding = coding || strings.HasPrefix(asciiLower(line), "transfer-encoding:")
		}
	}
	return length, coding
}

func asciiLower(b []byte) string {
	lower := make([]byte, len(b))
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return string(lower)
}
