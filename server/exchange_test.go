package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gild/logs"
)

// wrapped is a ResponseWriter of a middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestFrom(t *testing.T) {
	x := new(Exchange)
	if From(x) != x || From(wrapped{wrapped{x}}) != x {
		t.Error("the Exchange was not found")
	}
	if From(wrapped{nil}) != nil {
		t.Error("an Exchange was found where there is none")
	}
}

func TestListenerAndID(t *testing.T) {
	got := make(chan string, 2)
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		info := x.Listener()
		if first, again := x.ID(), x.ID(); first != again || len(first) != 16 {
			t.Errorf("ID %q, then %q", first, again)
		}
		got <- fmt.Sprint(info.Scheme, "://", info.Host, ":", info.Port, " ", info.Addr, " ", x.ID())
		hello(w, r)
	}, nil)
	c := s.dial(t)
	get(t, c)
	get(t, c)
	first, second := <-got, <-got
	if want := "http://" + s.addr + " " + s.addr + " "; !strings.HasPrefix(first, want) {
		t.Errorf("got %q, want %q and an id", first, want)
	}
	if first == second {
		t.Errorf("two requests have the id of %q", first)
	}
}

// TestDuplex: with FullDuplex a client may wait for an answer to the first half of its body before it sends the second.
func TestDuplex(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) { answerDuplex(From(w), r) }, nil)
	c := s.dial(t)
	in := bufio.NewReader(c)
	say := func(text, want string) {
		t.Helper()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("waiting for %q: %v", want, err)
			}
			if strings.HasPrefix(line, want) {
				return
			}
		}
	}
	say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "got a")
	say("1\r\nb\r\n", "got b")
	say("0\r\n\r\n", "0\r")
}

// A fileSocket remembers whether a file was passed to the socket itself, which is where sendfile(2) is.
type fileSocket struct {
	*net.TCPConn
	files *atomic.Int32
}

func (c fileSocket) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if _, ok := limited.R.(syscall.Conn); ok {
			c.files.Add(1)
		}
	}
	return c.TCPConn.ReadFrom(src)
}

type fileListener struct {
	net.Listener
	files *atomic.Int32
}

func (l fileListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return fileSocket{c.(*net.TCPConn), l.files}, nil
}

// TestReadFrom copies files and parts of files into responses.
func TestReadFrom(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	size := len(content)
	cases := []struct {
		name           string
		length         int // Content-Length, -1 none
		offset, limit  int // of the file; limit -1 is none
		method         string
		want           []byte
		left           int64 // what LimitedReader.N is afterwards
		socketMustRead bool
	}{
		{"whole file", size, 0, -1, "GET", content, 0, true},
		{"from an offset", size - 5, 5, -1, "GET", content[5:], 0, true},
		{"limited part", 100000, 7, 100000, "GET", content[7:100007], 0, true},
		{"length shorter than the file", 70000, 0, -1, "GET", content[:70000], 0, true},
		{"length shorter than the part", 70000, 0, 70010, "GET", content[:70000], 10, true},
		{"chunked", -1, 0, -1, "GET", content, 0, false},
		{"HEAD", size, 0, 20, "HEAD", nil, 20, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var files atomic.Int32
			results := make(chan error, 1)
			s := start(t, func(w http.ResponseWriter, _ *http.Request) {
				results <- sendPart(From(w), name, c.length, c.offset, c.limit, c.left)
			}, func(o *Options) { o.Listeners[0].Socket = fileListener{o.Listeners[0].Socket, &files} })
			if got := fetch(t, s, c.method); !bytes.Equal(got, c.want) {
				t.Errorf("got %d bytes, want %d", len(got), len(c.want))
			}
			if err := <-results; err != nil {
				t.Error(err)
			}
			if c.socketMustRead && files.Load() == 0 {
				t.Error("the file did not reach the socket as a file: no sendfile")
			}
		})
	}
}

// sendPart is a handler that sends a part of a file.
func sendPart(x *Exchange, name string, length, offset, limit int, left int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(int64(offset), io.SeekStart); err != nil {
		return err
	}
	x.Header().Set("Content-Type", "application/octet-stream")
	if length >= 0 {
		x.Header().Set("Content-Length", fmt.Sprint(length))
	}
	if limit < 0 {
		_, err = io.Copy(x, f)
		return err
	}
	part := &io.LimitedReader{R: f, N: int64(limit)}
	if _, err := io.Copy(x, part); err != nil {
		return err
	}
	if part.N != left {
		return fmt.Errorf("%d bytes of the part are left, want %d", part.N, left)
	}
	return nil
}

// fetch requests the root of s with a real client and returns the body.
func fetch(t *testing.T, s *running, method string) []byte {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+s.addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestClientLeaves: writing to a client that has left fails, and nothing above debug level is said about it.
func TestClientLeaves(t *testing.T) {
	writing, result := make(chan bool), make(chan error, 1)
	s := start(t, func(w http.ResponseWriter, _ *http.Request) {
		x := From(w)
		x.say("", "hello")
		close(writing)
		block := make([]byte, 1<<16)
		for {
			if _, err := x.Write(block); err != nil {
				if !x.Gone() {
					err = fmt.Errorf("not gone: %w", err)
				}
				result <- err
				x.Abort(err)
				return
			}
		}
	}, nil)
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-writing
	c.Close()
	if err := <-result; err == nil || strings.HasPrefix(err.Error(), "not gone") {
		t.Errorf("the write ended with %v", err)
	}
	s.close(t)
	for _, r := range s.log.records {
		if r.Level < logs.Debug {
			t.Errorf("logged at %s: %s", r.Level, r.Message)
		}
	}
}

// TestClientTakesNothing: a client that reads nothing for the write timeout is taken for gone.
func TestClientTakesNothing(t *testing.T) {
	result := make(chan error, 1)
	s := start(t, func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				result <- err
				return
			}
		}
	}, func(o *Options) { o.Timeouts.Write = 50 * time.Millisecond })
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write ended with %v, want a timeout", err)
	}
}

// TestBodyErrors: a handler can tell why it could not read a body, and its log need not name our sockets.
func TestBodyErrors(t *testing.T) {
	var tooLarge *http.MaxBytesError
	cases := []struct {
		name, request string
		is            func(error) bool
	}{
		{"too large", "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", func(err error) bool { return errors.As(err, &tooLarge) }},
		{"too short", "Content-Length: 9\r\n\r\nabc", func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"too slow", "Content-Length: 9\r\n\r\nabc", func(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }},
		{"whole", "Content-Length: 3\r\n\r\nabc", func(err error) bool { return err == nil }},
	}
	for _, c := range cases {
		result := make(chan error, 1)
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			result <- err
		}, func(o *Options) { o.Limits.Body, o.Timeouts.Body.Timeout = 10, 100*time.Millisecond })
		client := s.dial(t)
		if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: h\r\n"+c.request); err != nil {
			t.Fatal(err)
		}
		if c.name == "too short" {
			_ = client.(*net.TCPConn).CloseWrite()
		}
		if err := <-result; !c.is(err) || err != nil && strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestPanic: the log has the stack at error level. What the client gets is in testdata.
func TestPanic(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/quiet" {
			panic(http.ErrAbortHandler)
		}
		panic("deliberately")
	}, nil)
	for _, path := range []string{"/quiet", "/loud"} {
		resp, err := http.Get("http://" + s.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	s.close(t)
	text := s.log.text()
	if n := strings.Count(text, "error: "); n != 1 {
		t.Errorf("%d errors were logged, want 1:\n%s", n, text)
	}
	if !strings.Contains(text, "error: The handler of GET /loud panicked: deliberately\n") || !strings.Contains(text, "TestPanic") {
		t.Errorf("the log does not say what happened where:\n%s", text)
	}
}

// TestStopBody: reading ends in the goroutine that does it, and the connection with the response, also when the head was
// sent before and promised nothing of that.
func TestStopBody(t *testing.T) {
	for _, begun := range []bool{false, true} {
		result := make(chan error, 2)
		s := start(t, func(w http.ResponseWriter, r *http.Request) {
			x := From(w)
			if err := x.FullDuplex(); err != nil {
				t.Error(err)
			}
			read := make(chan error)
			go func() {
				_, err := io.Copy(io.Discard, r.Body)
				read <- err
			}()
			x.Header().Set("Content-Length", "2")
			if begun {
				x.Flush()
			}
			x.StopBody()
			result <- <-read
			_, _ = io.WriteString(x, "ok")
		}, nil)
		c := s.dial(t)
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(c)
		if err != nil || !strings.HasSuffix(string(all), "\r\n\r\nok") {
			t.Errorf("begun %t: got %q, error %v", begun, all, err)
		}
		if err := <-result; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("begun %t: reading ended with %v", begun, err)
		}
	}
}

// TestStopBodyBlamesNobody: a client whose body was not wanted any more is not told that it was slow.
func TestStopBodyBlamesNobody(t *testing.T) {
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		x.StopBody()
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the body was read to its end")
		}
		x.Error(http.StatusBadGateway)
	}, nil)
	c := s.dial(t)
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 502 ") {
		t.Errorf("got %q, error %v", all, err)
	}
}
