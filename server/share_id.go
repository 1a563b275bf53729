package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"sync/atomic"
)

// A connection ID of ours tells the processes that share a UDP socket who has the connection:
//
//	tag 1 byte | random 7 bytes | check 4 bytes
//
// The check is a hash of the rest and of the secret of the socket. It matters while a connection begins: a client makes
// up the ID in its first packets (RFC 9000 section 7.2), which must not be taken for one of ours, and uses ours in
// those that follow, which look the same otherwise. It also keeps strangers from filling the relays.
const (
	idSize     = 12
	idBody     = 8 // without the check
	secretSize = 16
)

// An idMaker makes the IDs of one process and recognises those of all.
type idMaker struct {
	tag    atomic.Int32 // of this process, once it has one
	secret [secretSize]byte
}

func (m *idMaker) load(f io.ReaderAt) error {
	m.tag.Store(-1)
	if _, err := f.ReadAt(m.secret[:], secretOffset); err != nil {
		return fmt.Errorf("cannot read the secret: %w", err)
	}
	return nil
}

// next makes a connection ID. There is a tag: before, nothing is read that could begin a connection.
func (m *idMaker) next() []byte {
	id := make([]byte, idSize)
	id[0] = byte(m.tag.Load())
	_, _ = rand.Read(id[1:idBody]) // which ends the program rather than fail
	copy(id[idBody:], m.check(id))
	return id
}

// check is what follows the first idBody bytes of id.
func (m *idMaker) check(id []byte) []byte {
	var text [secretSize + idBody]byte
	copy(text[:], m.secret[:])
	copy(text[secretSize:], id[:idBody])
	sum := sha256.Sum256(text[:])
	return sum[:idSize-idBody]
}

// foreignTag is the tag of another process that has made the destination connection ID of a packet; -1 if there is none.
func (m *idMaker) foreignTag(packet []byte) int {
	id := destination(packet)
	if id == nil || id[0] >= shareTags || int32(id[0]) == m.tag.Load() ||
		subtle.ConstantTimeCompare(id[idBody:], m.check(id)) == 0 {
		return -1
	}
	return int(id[0])
}

// destination is the destination connection ID of a packet if it may be one of ours, which all have the same length; nil
// otherwise. It follows the invariants of QUIC, RFC 8999 sections 5.1 and 5.2, and so holds for all versions.
func destination(packet []byte) []byte {
	const longLength, longID = 5, 6 // after the flags and the version
	switch {
	case len(packet) < 1+idSize:
		return nil
	case packet[0]&0x80 == 0:
		return packet[1 : 1+idSize]
	case packet[longLength] != idSize || len(packet) < longID+idSize:
		return nil
	}
	return packet[longID : longID+idSize]
}
