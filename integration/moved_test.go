package integration

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// moving is a gild with HTTPS whose ports can be changed.
type moving struct {
	*secure
}

// startMoving starts gild. The options file comes last and so has the last word.
func startMoving(t *testing.T, args []string) *moving {
	t.Helper()
	s := prepareSecure(t, secureApplication)
	write(t, s.dir, "options", "--setenv ROUND 1\n")
	s.begin(append(args, "--port", "$PORT", "--options-file", "$DIR/options")...)
	s.logged("resuming normal operations")
	return &moving{secure: s}
}

// move changes both ports and waits until the new ones serve. It returns the address of the old ones.
func (m *moving) move() (port, https string) {
	m.t.Helper()
	port, https = m.address(), m.gild.secure()
	m.port, m.https = freePort(m.t), freePort(m.t)
	write(m.t, m.dir, "options", fmt.Sprintf("--setenv ROUND 2\n--port %d\n--https-port %d\n", m.port, m.https))
	m.tell(syscall.SIGHUP, "supervisor")
	m.until("answer on the new port", func() bool { _, err := m.get("/"); return err == nil })
	return port, https
}

// refused waits until a connection to the address is refused.
func (m *moving) refused(address string) {
	m.t.Helper()
	m.until("refusal at "+address, func() bool {
		c, err := net.DialTimeout("tcp", address, patience)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
}

// TestMovedPorts moves both ports by changed options. What was begun on the old ones is answered, and while that lasts nobody else can
// connect there.
func TestMovedPorts(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		m := startMoving(t, args)
		c := newH3Client(t, m.gild, m.ca)
		c.connected("old")
		c.do("request", "old", command{"id": 1, "path": "/gate"})
		plain, url := make(chan string, 1), m.url("/gate")
		go func() {
			text, err := get(url)
			plain <- fmt.Sprint(text, err)
		}()
		m.begun(2)
		port, https := m.move()
		m.refused(port)
		m.refused(https)
		c.connect("late", nil)
		if e := c.await("late", "connected", "closed"); e.Event != "closed" {
			t.Errorf("the old port still takes connections of QUIC: %+v", e)
		}
		c.port = m.https
		c.connected("new")
		if got := c.get("new", 1, "/"); got.body != "GET HTTP/3.0 https / 0 2" {
			t.Errorf("the new port answered %s", got)
		}
		m.open()
		if got := <-plain; got != "first second<nil>" {
			t.Errorf("the old port answered %s", got)
		}
		if got := c.answer("old", 1); got.body != "first second" || got.how != "end" {
			t.Errorf("the old port answered %s by HTTP/3", got)
		}
	})
}

// TestMovedPortsLoseNothing moves both ports while clients make one connection after the other: each of these is refused or
// gets its answer.
func TestMovedPortsLoseNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		m := startMoving(t, append(args, "--processes", "2"))
		var clients sync.WaitGroup
		for _, dial := range []func() (net.Conn, error){dialer(m.address(), nil), dialer(m.gild.secure(), &tls.Config{RootCAs: m.authority.pool, ServerName: "localhost"})} {
			for range 4 {
				clients.Go(func() {
					if err := untilRefused(dial); err != nil {
						t.Error(err)
					}
				})
			}
		}
		m.move()
		clients.Wait()
	})
}

// dialer connects to an address; config is nil for plain HTTP.
func dialer(address string, config *tls.Config) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil || config == nil {
			return c, err
		}
		return tls.Client(c, config), c.SetDeadline(deadline())
	}
}

// untilRefused asks for a page on one connection after the other, until there is none to be had.
func untilRefused(dial func() (net.Conn, error)) error {
	for n := 1; ; n++ {
		c, err := dial()
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
		if err == nil {
			err = askOnce(c)
		}
		if err != nil {
			return fmt.Errorf("connection %d: %w", n, err)
		}
	}
}

// askOnce uses a connection for one request.
func askOnce(c net.Conn) error {
	defer c.Close()
	if _, err := io.WriteString(c, "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, body %v", answer.Status, err)
	}
	return nil
}
