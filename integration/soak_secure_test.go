package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// secureLoad is something that clients do to a gild with HTTPS many times; times is how often in make soak.
type secureLoad struct {
	name  string
	times int
	do    func(s *secure, times int) error
}

var secureLoads = []secureLoad{
	{"connections of HTTP/1.1", 25_000, connections("tls")},
	{"connections of HTTP/2", 25_000, connections("h2")},
	{"connections of HTTP/3", 5_000, connections("h3")},
	{"requests of HTTP/2", 100_000, requests("h2")},
	{"requests of HTTP/3", 100_000, requests("h3")},
	{"broken handshakes", 10_000, brokenHandshakes},
	{"silent QUIC handshakes", 5_000, silentHandshakes},
}

// TestSoakSecure has each load carried out, after a warm-up: no process may have grown then, nor have more descriptors, nor more
// goroutines than that of another gild which has seen little.
func TestSoakSecure(t *testing.T) {
	soak(t)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // the sockets of silentHandshakes have none to set
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			args := append([]string{"--log-level", "crit"}, place.args...)
			fresh, used := startSecure(t, args...), startSecure(t, args...)
			carryOut(t, fresh, 500)
			carryOut(t, used, 10)
			size, files := resident(t, used.gild), descriptors(t, used.gild)
			carryOut(t, used, 1)
			settled(t, used, size, files)
			compareGoroutines(t, fresh, used)
		})
	}
}

// carryOut does all that is to be done, divided.
func carryOut(t *testing.T, s *secure, divisor int) {
	t.Helper()
	for _, load := range secureLoads {
		began := time.Now()
		if err := load.do(s, load.times/divisor); err != nil {
			t.Errorf("%s: %v", load.name, err)
		}
		t.Logf("%d %s in %v: %v bytes, %v descriptors", load.times/divisor, load.name,
			time.Since(began).Round(time.Millisecond), resident(t, s.gild), descriptors(t, s.gild))
	}
}

// settled waits until the processes have as many descriptors as before, and hardly more memory: Go gives back what it does not
// need within minutes.
func settled(t *testing.T, s *secure, size map[relative]int64, files map[relative]int) {
	t.Helper()
	const allowed = 8 << 20
	s.untilLate(5*time.Minute, "end of the growth", func() bool {
		for process, now := range resident(t, s.gild) {
			if size[process] == 0 || now-size[process] > allowed {
				return false
			}
		}
		return maps.Equal(descriptors(t, s.gild), files)
	})
	t.Logf("settled: %v bytes, %v descriptors", resident(t, s.gild), descriptors(t, s.gild))
}

// descriptors is how many files each process but the supervisor has open.
func descriptors(t *testing.T, g *gild) map[relative]int {
	t.Helper()
	counts := map[relative]int{}
	for _, process := range g.family() {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", process.pid))
		if err != nil {
			t.Fatal(err)
		}
		counts[process] = len(list)
	}
	return counts
}

var goroutineHead = regexp.MustCompile(`goroutine \d+ .*\[`)

// compareGoroutines ends the processes that have the connections by QUIT, which makes them tell their goroutines.
func compareGoroutines(t *testing.T, fresh, used *secure) {
	t.Helper()
	least, now := goroutines(t, fresh), goroutines(t, used)
	t.Logf("%d goroutines, %d after the loads", least, now)
	if now > least+5 { // some come and go
		t.Errorf("%d goroutines, want about %d", now, least)
	}
}

func goroutines(t *testing.T, s *secure) int {
	t.Helper()
	role := "front"
	if len(s.members(role)) == 0 {
		role = "worker"
	}
	pid := s.members(role)[0]
	s.tell(syscall.SIGQUIT, role)
	s.until("other process instead", func() bool { list := s.members(role); return len(list) > 0 && list[0] != pid })
	return len(goroutineHead.FindAllString(s.log(), -1))
}

// spread does something so many times, at most eight at once, and returns the last error.
func spread(times int, do func(n int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	var failed atomic.Value
	for range 8 {
		all.Go(func() {
			for n := next.Add(1); n <= int64(times); n = next.Add(1) {
				if err := do(int(n)); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	all.Wait()
	err, _ := failed.Load().(error)
	return err
}

// trusted is a new configuration of a client.
func (s *secure) trusted() *tls.Config {
	return &tls.Config{RootCAs: s.authority.pool, ServerName: "localhost"}
}

// connections opens many, and asks once on each.
func connections(protocol string) func(*secure, int) error {
	return func(s *secure, times int) error {
		return spread(times, func(int) error {
			if protocol == "tls" {
				return s.askOnce()
			}
			on, err := s.dialSession(protocol, s.trusted())
			if err != nil {
				return err
			}
			defer on.Close()
			_, err = on.ask("GET", "/", nil)
			return err
		})
	}
}

// askOnce asks by HTTP/1.1 on a connection that it leaves.
func (s *secure) askOnce() error {
	m := manner{protocol: "tls"}
	c, err := m.dial(s.gild)
	if err != nil {
		return err
	}
	defer c.Close()
	return soakRequest(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

// requests makes many on one connection.
func requests(protocol string) func(*secure, int) error {
	return func(s *secure, times int) error {
		on, err := s.dialSession(protocol, s.trusted())
		if err != nil {
			return err
		}
		defer on.Close()
		return spread(times, func(n int) error {
			_, err := on.ask("POST", "/", make([]byte, n%3000))
			return err
		})
	}
}

// brokenHandshakes leaves in the middle of what a client says in its handshake, every other time by a reset.
func brokenHandshakes(s *secure, times int) error {
	return spread(times, func(n int) error {
		c, err := net.Dial("tcp", s.secure())
		if err != nil {
			return err
		}
		defer c.Close()
		if n%2 == 0 {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		_ = tls.Client(&cut{c, n % 1700}, s.trusted()).Handshake() // is to fail
		return nil
	})
}

// cut is a connection that is closed once so many bytes have been written.
type cut struct {
	net.Conn
	left int
}

func (b *cut) Write(p []byte) (int, error) {
	if len(p) > b.left {
		_, _ = b.Conn.Write(p[:b.left])
		_ = b.Conn.Close()
		return 0, net.ErrClosed
	}
	b.left -= len(p)
	return b.Conn.Write(p)
}

// silentHandshakes has clients of QUIC fall silent after a few datagrams.
func silentHandshakes(s *secure, times int) error {
	to, err := net.ResolveUDPAddr("udp", s.secure())
	if err != nil {
		return err
	}
	return spread(times, func(n int) error {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer socket.Close()
		silent := &silent{PacketConn: socket}
		silent.left.Store(int64(n%5 + 1))
		transport := &quic.Transport{Conn: silent}
		defer transport.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		config := s.trusted()
		config.NextProtos = []string{"h3"}
		_, _ = transport.Dial(ctx, to, config, nil) // is to fail
		return nil
	})
}

// silent is a socket whose datagrams get lost but for the first ones.
type silent struct {
	net.PacketConn
	left atomic.Int64
}

func (s *silent) WriteTo(p []byte, to net.Addr) (int, error) {
	if s.left.Add(-1) < 0 {
		return len(p), nil
	}
	return s.PacketConn.WriteTo(p, to)
}
