package server

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"testing"
)

// garbage is what a flood consists of: each function makes a datagram.
var garbage = map[string]func(r *rand.Rand) []byte{
	"noise": func(r *rand.Rand) []byte { return noise(r, r.IntN(1400)) },
	"short headers": func(r *rand.Rand) []byte {
		p := noise(r, 100)
		p[0], p[1] = 0x40, byte(r.IntN(shareTags))
		return p
	},
	"first packets": func(r *rand.Rand) []byte { // RFC 9000 section 17.2.2, with 8 bytes of connection ID and no token
		p := noise(r, 1200)
		copy(p, []byte{0xc0, 0, 0, 0, 1, 8})
		p[14], p[15] = 0, 0
		binary.BigEndian.PutUint16(p[16:], 0x4000|1182)
		return p
	},
	"unknown versions": func(r *rand.Rand) []byte {
		p := noise(r, 1200)
		p[0], p[5], p[14] = 0xc0, 8, 8
		return p
	},
}

func noise(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// TestQUICGarbage: datagrams that are not of any client, as fast as they can be sent, harm neither HTTP/1 nor HTTP/3, nor
// are they kept.
func TestQUICGarbage(t *testing.T) {
	r := startQUIC(t, hello, nil)
	for name, datagram := range garbage {
		t.Run(name, func(t *testing.T) {
			before := heap()
			flooded := flood(t, r.address, datagram)
			c := r.dial(t)
			for range 500 {
				get(t, c)
			}
			if resp, _ := r.get(t, "/"); resp.StatusCode != http.StatusOK {
				t.Errorf("HTTP/3 under the flood: %s", resp.Status)
			}
			<-flooded
			if after := heap(); after > before+32<<20 {
				t.Errorf("the flood left %d bytes more in memory", after-before)
			}
		})
	}
}

// flood sends 50000 datagrams to a server. The channel is closed when that is done.
func flood(t *testing.T, address string, datagram func(*rand.Rand) []byte) <-chan struct{} {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(1, 2))
		for range 50000 {
			_, _ = c.Write(datagram(random))
		}
	}()
	return done
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
