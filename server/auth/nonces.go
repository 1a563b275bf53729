package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NonceLife is how long a nonce may be used. Apache's AuthDigestNonceLifetime has the same default.
const NonceLife = 300 * time.Second

// Nonces makes the nonces of Digest and keeps account of their use. All processes that speak HTTP share its memory, also those
// of the generation before, so that a request that somebody has recorded is refused by each of them. Any goroutine may call
// its methods.
//
// The memory is a key, a counter, and a table of uses. A nonce is its serial, the time and a MAC of both. It takes a place in the
// table when it is used for the first time by somebody who knows a password: those who just ask for nonces take no memory.
// The place follows from the serial. A nonce takes it from older ones, and one that finds a newer one there is stale.
type Nonces struct {
	key    []byte
	serial *uint64
	uses   []uint64 // see use
}

// The layout of the memory, which is 512 KiB; the pages that are used are made.
const (
	keySize    = 32
	serialAt   = keySize
	usesAt     = 64
	places     = 1 << 16
	noncesSize = usesAt + places*8
)

// NewNonceFile makes the memory, with a key in it that nobody else knows. The caller owns the file.
func NewNonceFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("nonces", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "nonces")
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	err = f.Truncate(noncesSize)
	if err == nil {
		_, err = f.WriteAt(key, 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, errors.New("the memory for the nonces of Digest cannot be made: " + err.Error())
	}
	return f, nil
}

// OpenNonces maps the memory for the life of the process. The file is not needed after it.
func OpenNonces(f *os.File) (*Nonces, error) {
	info, err := f.Stat()
	if err == nil && info.Size() != noncesSize {
		err = errors.New("its size is another")
	}
	var memory []byte
	if err == nil {
		memory, err = unix.Mmap(int(f.Fd()), 0, noncesSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		return nil, errors.New("the memory for the nonces of Digest cannot be used: " + err.Error())
	}
	return &Nonces{
		key:    memory[:keySize],
		serial: (*uint64)(unsafe.Pointer(&memory[serialAt])),
		uses:   unsafe.Slice((*uint64)(unsafe.Pointer(&memory[usesAt])), places),
	}, nil
}

// The parts of a nonce: serial and nanoseconds of the epoch, 8 bytes each, and the MAC. In base64 there is no padding.
const (
	macSize   = 17
	nonceSize = 16 + macSize
)

// New returns another nonce: 44 characters of base64url.
func (n *Nonces) New(now time.Time) string {
	raw := make([]byte, nonceSize)
	binary.BigEndian.PutUint64(raw, atomic.AddUint64(n.serial, 1))
	binary.BigEndian.PutUint64(raw[8:], uint64(now.UnixNano()))
	copy(raw[16:], n.mac(raw[:16]))
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (n *Nonces) mac(message []byte) []byte {
	h := hmac.New(sha256.New, n.key)
	h.Write(message)
	return h.Sum(nil)[:macSize]
}

// Fresh reports whether a nonce is one of ours and not too old. It says nothing about its use.
func (n *Nonces) Fresh(nonce string, now time.Time) bool {
	_, born, ok := n.parse(nonce)
	age := now.Sub(born)
	return ok && age >= 0 && age <= NonceLife
}

func (n *Nonces) parse(nonce string) (serial uint64, born time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(raw) != nonceSize || !hmac.Equal(raw[16:], n.mac(raw[:16])) {
		return 0, born, false
	}
	return binary.BigEndian.Uint64(raw), time.Unix(0, int64(binary.BigEndian.Uint64(raw[8:]))), true
}

// Use takes note that somebody who knows a password has used a nonce, for the count-th time as he says. It returns false if that is a
// repetition, or if it cannot be told any more whether it is one: the client has to take another nonce then. Requests may
// come out of order, by up to 32.
func (n *Nonces) Use(nonce string, count uint32) bool {
	serial, _, ok := n.parse(nonce)
	if !ok {
		return false
	}
	place := &n.uses[serial%places]
	for {
		before := atomic.LoadUint64(place)
		after, ok := use(before).with(uint16(serial/places), count)
		if !ok {
			return false
		}
		if atomic.CompareAndSwapUint64(place, before, uint64(after)) {
			return true
		}
	}
}

// A use is what is known about the nonce that has a place: 16 bits for its lap, that is, how often the serials had been through the
// table; 16 bits for the highest count; 32 bits for the counts up to it, of which the lowest bit is the highest count. 0 is
// a place that nobody has. Laps are compared as on a clock: within NonceLife nobody makes 2^31 nonces.
type use uint64

const (
	window     = 32
	mostCounts = 1<<16 - 1 // of one nonce
)

// with is the use with one more count, if it can be told that it is a new one.
func (u use) with(lap uint16, count uint32) (use, bool) {
	if count == 0 || count > mostCounts {
		return 0, false
	}
	switch newer := int16(lap - u.lap()); {
	case u == 0 || newer > 0:
		return makeUse(lap, uint16(count), 1), true
	case newer < 0:
		return 0, false
	}
	return u.counted(uint16(count))
}

func (u use) lap() uint16     { return uint16(u >> 48) }
func (u use) highest() uint16 { return uint16(u >> 32) }
func (u use) seen() uint32    { return uint32(u) }

func makeUse(lap, highest uint16, seen uint32) use {
	return use(lap)<<48 | use(highest)<<32 | use(seen)
}

// counted adds a count of the same nonce.
func (u use) counted(count uint16) (use, bool) {
	if count > u.highest() {
		return makeUse(u.lap(), count, u.seen()<<(count-u.highest())|1), true
	}
	bit := uint32(1) << (u.highest() - count) // 0 if it is too long ago
	if bit == 0 || u.seen()&bit != 0 {
		return 0, false
	}
	return makeUse(u.lap(), u.highest(), u.seen()|bit), true
}
