package integration

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// TestFlood sends a hundred thousand datagrams that are no QUIC, fifty for each millisecond, while clients ask over HTTP/1.1,
// HTTP/2 and HTTP/3: all are answered, by a process that does not grow much.
func TestFlood(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("before")
		before := resident(t, s.gild)
		over := make(chan struct{})
		go func() { defer close(over); flood(t, s.secure()) }()
		served := askUntil(t, s, over)
		t.Logf("%d requests were served meanwhile", served)
		if got := c.get("before", 1, "/h3"); got.status != 200 {
			t.Errorf("the connection from before: %s", got)
		}
		c.connected("after")
		allowed := int64(64 << 20)
		if built.watched {
			allowed *= 8
		}
		for process, size := range resident(t, s.gild) {
			if grown := size - before[process]; before[process] == 0 || grown > allowed {
				t.Errorf("%s %d has grown by %d bytes from %d", process.role, process.pid, grown, before[process])
			}
		}
	})
}

// flood sends the datagrams, of a seed that is always the same.
func flood(t *testing.T, address string) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		<-tick.C
		for range 50 {
			conn.Write(garbage(random)) // what does not fit into the socket's buffer is lost, as in any network
		}
	}
}

// garbage is a datagram with random content, the beginning of which may look like a packet of QUIC (RFC 9000 section 17).
func garbage(random *rand.Rand) []byte {
	size := []int{1, 20, 100, 1200, 1400}[random.IntN(5)]
	datagram := make([]byte, size)
	for i := range datagram {
		datagram[i] = byte(random.Uint32())
	}
	switch version := []byte{0, 0, 0, 1}; random.IntN(6) {
	case 0: // Initial, 0-RTT, Handshake or Retry of version 1, with a connection ID of eight bytes
		datagram[0] |= 0xc0
		copy(datagram[min(1, size-1):], append(version, 8))
	case 1: // a version that nobody knows
		datagram[0] |= 0x80
	case 2: // a short header, with a connection ID that may belong to any process
		datagram[0] = datagram[0]&0x3f | 0x40
		datagram[min(1, size-1)] = byte(random.IntN(8))
	case 3: // Version Negotiation
		datagram[0] |= 0x80
		copy(datagram[min(1, size-1):], []byte{0, 0, 0, 0})
	}
	return datagram
}

// askUntil has clients ask, one after another, until the channel is closed, and returns how many requests were served. None
// may fail.
func askUntil(t *testing.T, s *secure, over <-chan struct{}) (served int) {
	t.Helper()
	urls := []string{s.url("/plain"), fmt.Sprintf("https://localhost:%d/tls", s.https)}
	counts := make([]int, len(urls))
	var all sync.WaitGroup
	for n, url := range urls {
		client := s.authority.client()
		all.Go(func() {
			for {
				if _, err := fetch(client, url); err != nil {
					t.Errorf("%s: %v", url, err)
					return
				}
				counts[n]++
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	all.Wait()
	for _, count := range counts {
		served += count
	}
	return served
}
