package server

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
)

// ids makes request identifiers: eight random bytes of this server, so that processes and restarts differ, and a count.
type ids struct {
	prefix [8]byte
	count  atomic.Uint32
}

func newIDs() *ids {
	g := new(ids)
	_, _ = rand.Read(g.prefix[:]) // never fails, see its documentation
	return g
}

// next returns 16 characters of the URL-safe base64 alphabet. They repeat after 2^32 calls.
func (g *ids) next() string {
	var raw [12]byte
	copy(raw[:], g.prefix[:])
	binary.BigEndian.PutUint32(raw[8:], g.count.Add(1))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}
