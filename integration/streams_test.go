package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// multiplexing are the protocols that carry many requests at once on a connection.
var multiplexing = []string{"h2c", "h2", "h3"}

// session opens a connection to a gild that has both HTTPS and --http2.
func (s *secure) session(protocol string) *session {
	s.t.Helper()
	on, err := s.dialSession(protocol, &tls.Config{RootCAs: s.authority.pool, ServerName: "localhost"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { on.Close() })
	return on
}

// dialSession opens a connection by one of the protocols that multiplex.
func (g *gild) dialSession(protocol string, config *tls.Config) (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	config.NextProtos = []string{protocol}
	if protocol == "h3" {
		return newH3Session(ctx, g.secure(), config)
	}
	var c net.Conn
	var err error
	if protocol == "h2c" {
		c, err = net.Dial("tcp", g.address())
	} else {
		c, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", g.secure())
	}
	if err != nil {
		return nil, err
	}
	return newH2Session(c)
}

// ask sends a request on the connection and reads the answer, which is the status if it is not 200.
func (on *session) ask(method, path string, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, on.scheme+"://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	answer, err := on.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return answer.Status, err
	}
	return string(text), err
}

// TestManyStreams asks much more at once on one connection than there are threads, with bodies and answers of all sizes:
// none of them is mistaken for another.
func TestManyStreams(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		for _, mpm := range []string{"event", "worker"} {
			s := startSecure(t, append([]string{"--http2", "--server-mpm", mpm}, args...)...)
			for _, protocol := range multiplexing {
				t.Run(mpm+"/"+protocol, func(t *testing.T) { manyStreams(t, s.session(protocol)) })
			}
		}
	})
}

func manyStreams(t *testing.T, on *session) {
	var all sync.WaitGroup
	for n := range 200 {
		all.Go(func() {
			path, body := fmt.Sprint("/stream/", n), bytes.Repeat([]byte{'x'}, n*1000)
			got, err := on.ask("POST", path, body)
			if want := fmt.Sprintf(" %s %d ", path, len(body)); err != nil || !strings.Contains(got, want) {
				t.Errorf("%s: %q, %v", path, got, err)
			}
			if n%50 == 0 {
				got, err := on.ask("GET", "/big", nil)
				if err != nil || len(got) != 3<<20 {
					t.Errorf("%s: %d bytes, %v", path, len(got), err)
				}
			}
		})
	}
	all.Wait()
}

// TestStreamsBacklog asks more on one connection than there are threads and places to wait: the rest is refused at once, and
// what was taken is served.
func TestStreamsBacklog(t *testing.T) {
	for _, protocol := range multiplexing {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			const backlog, more = 4, 8
			s := startSecure(t, "--http2", "--threads", "1", "--daemon-backlog", fmt.Sprint(backlog), "--connect-timeout", "1")
			on, answers := s.session(protocol), make(chan string)
			send := func() {
				text, err := on.ask("GET", "/gate", nil)
				answers <- fmt.Sprint(text, err)
			}
			go send()
			s.begun(1)
			for range backlog + more {
				go send()
			}
			for range more {
				if got := <-answers; !strings.HasPrefix(got, "503 ") {
					t.Errorf("a request too many was answered %q", got)
				}
			}
			s.open()
			for range 1 + backlog {
				if got := <-answers; got != "first second<nil>" {
					t.Errorf("a request that was taken was answered %q", got)
				}
			}
		})
	}
}
