package fastcgi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// canned is a connection to an application that has its answer ready.
type canned struct{ io.Reader }

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return nil }
func (canned) RemoteAddr() net.Addr             { return nil }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

// play returns output and standard error of an application that sends these bytes.
func play(answer []byte) (output, complaints string, err error) {
	p := NewPool(1, time.Second, func(context.Context) (net.Conn, error) { return canned{bytes.NewReader(answer)}, nil })
	var stderr strings.Builder
	out, err := p.Do(context.Background(), &Request{Stderr: func(text []byte) { stderr.Write(text) }})
	if err != nil {
		return "", stderr.String(), err
	}
	defer out.Close()
	text, err := io.ReadAll(out)
	return string(text), stderr.String(), err
}

// record is one with padding, and of another request if id is not 1.
func record(kind, id byte, content string, padding int) string {
	return string([]byte{1, kind, 0, id, byte(len(content) >> 8), byte(len(content)), byte(padding), 0}) + content + strings.Repeat("\xff", padding)
}

const good = "\x00\x00\x00\x00\x00\x00\x00\x00" // content of a record that ends a request

// TestRecords: what an application may send, and what comes of it.
func TestRecords(t *testing.T) {
	for name, c := range map[string]struct{ answer, output, complaints, problem string }{
		"output":             {record(6, 1, "one", 0) + record(6, 1, "two", 5) + record(6, 1, "", 0) + record(3, 1, good, 3), "onetwo", "", ""},
		"no output":          {record(3, 1, good, 0), "", "", ""},
		"complaints":         {record(7, 1, "oh", 1) + record(6, 1, "one", 0) + record(7, 1, " no", 7) + record(3, 1, good, 0), "one", "oh no", ""},
		"an exit status":     {record(6, 1, "one", 0) + record(3, 1, "\x00\x00\x00\xff\x00\x00\x00\x00", 0), "one", "", ""},
		"unknown records":    {record(11, 0, "\x63\x00\x00\x00\x00\x00\x00\x00", 2) + record(99, 1, "what", 1) + record(3, 1, good, 0), "", "", ""},
		"another request":    {record(6, 2, "not ours", 0) + record(3, 2, good, 0) + record(6, 1, "ours", 0) + record(3, 1, good, 0), "ours", "", ""},
		"overloaded":         {record(3, 1, "\x00\x00\x00\x00\x02\x00\x00\x00", 0), "", "", "overloaded"},
		"an unknown refusal": {record(3, 1, "\x00\x00\x00\x00\x09\x00\x00\x00", 0), "", "", "9"},
		"no end":             {record(6, 1, "one", 0), "one", "", "closed the connection"},
		"half a record":      {record(6, 1, "one", 0)[:9], "o", "", "closed the connection"},
		"half a header":      {record(6, 1, "one", 0) + "\x01\x06", "one", "", "closed the connection"},
		"a short end":        {record(3, 1, good[:7], 0), "", "", "too short"},
		"no FastCGI":         {"HTTP/1.1 200 OK\r\n\r\n", "", "", "version 72"},
		"nothing":            {"", "", "", "closed the connection"},
	} {
		output, complaints, err := play([]byte(c.answer))
		if output != c.output || complaints != c.complaints {
			t.Errorf("%s: got %q and %q, want %q and %q", name, output, complaints, c.output, c.complaints)
		}
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%s: got the error %v, want %q", name, err, c.problem)
		}
	}
}

// TestNothingFollows: messages and padding that came with output are no output to wait for; the end is.
func TestNothingFollows(t *testing.T) {
	for answer, want := range map[string]bool{
		record(6, 1, "one", 5):                                        false,
		record(6, 1, "one", 5) + record(7, 1, "oh", 3):                false,
		record(6, 1, "one", 5) + record(99, 1, "what", 0):             false,
		record(6, 1, "one", 5) + record(6, 1, "two", 0):               true,
		record(6, 1, "one", 5) + record(7, 1, "oh", 3) + "\x01":       true,
		record(6, 1, "one", 5) + record(3, 1, good, 0):                true,
		record(6, 1, "one", 0) + record(7, 1, "oh", 3)[:9]:            true,
		record(7, 1, "oh", 3) + record(6, 1, "one", 5):                false,
		record(6, 1, "one", 5) + record(6, 1, "", 3):                  true,
		record(6, 1, "one", 5) + record(7, 1, "", 0) + "\x01\x06\x00": true,
	} {
		in := bytes.NewReader([]byte(answer))
		p := NewPool(1, time.Second, func(context.Context) (net.Conn, error) { return canned{in}, nil })
		out, err := p.Do(context.Background(), &Request{})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(out, make([]byte, 3)); n != 3 || err != nil {
			t.Fatalf("%q: %d, %v", answer, n, err)
		}
		if got := out.Buffered() > 0; got != want {
			t.Errorf("%q: got %v", answer, got)
		}
		_ = out.Close()
	}
}

// TestParamsSplit: a stream that is longer than a record becomes several, and every stream has an end.
func TestParamsSplit(t *testing.T) {
	all := appendStream(nil, params, make([]byte, 2*contentSize+1))
	var sizes []int
	for r := bytes.NewReader(all); r.Len() > 0; {
		h, err := readHeader(r)
		if err != nil || h.kind != params || h.id != requestID {
			t.Fatalf("got %+v, %v", h, err)
		}
		sizes = append(sizes, h.content)
		_, _ = io.CopyN(io.Discard, r, int64(h.content+h.padding))
	}
	if len(sizes) != 4 || sizes[0] != contentSize || sizes[1] != contentSize || sizes[2] != 1 || sizes[3] != 0 {
		t.Errorf("got records of %v bytes", sizes)
	}
}

// FuzzResponse: whatever an application sends, there is output that it has sent and an end, or an error.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(record(6, 1, "one", 3) + record(7, 1, "oh", 0) + record(3, 1, good, 0)))
	f.Add([]byte(record(3, 1, good, 0)))
	f.Add([]byte(record(6, 1, "one", 0)[:9]))
	f.Fuzz(func(t *testing.T, answer []byte) {
		output, complaints, err := play(answer)
		if len(output)+len(complaints) > len(answer) {
			t.Errorf("%d bytes of %d", len(output)+len(complaints), len(answer))
		}
		if err == nil && !bytes.Contains(answer, []byte{version, endRequest, 0, requestID}) {
			t.Error("complete without an end")
		}
		if errors.Is(err, io.EOF) {
			t.Error("an error that looks like the end")
		}
	})
}
