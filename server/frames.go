package server

import "encoding/binary"

// Types and flags of the frames of HTTP/2 that are looked at here, RFC 9113 section 6.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameGoAway       = 0x7
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	maxPadding = 1 + 255 // bytes that a frame may have and still carry nothing: the length of the padding, and that
)

// frameHead is the length of what every frame begins with.
const frameHead = 9

// A frame is the head of one.
type frame struct {
	length      int // of the payload
	kind, flags byte
	stream      uint32
}

// frames follows the frames of one direction of a connection as they go by in pieces of any size. It looks at their heads
// only. The zero value stands before the first frame.
type frames struct {
	head [frameHead]byte
	have int // bytes of head so far
	rest int // bytes of the payload that are still to come
}

// next takes bytes from p up to the end of the next head, and returns that and what is left of p. It reports false when p
// ends before.
func (w *frames) next(p []byte) (f frame, rest []byte, ok bool) {
	skip := min(w.rest, len(p))
	w.rest, p = w.rest-skip, p[skip:]
	n := copy(w.head[w.have:], p)
	w.have, p = w.have+n, p[n:]
	if w.have < frameHead {
		return frame{}, nil, false
	}
	word := binary.BigEndian.Uint32(w.head[:])
	f = frame{length: int(word >> 8), kind: byte(word), flags: w.head[4], stream: binary.BigEndian.Uint32(w.head[5:]) &^ (1 << 31)}
	w.have, w.rest = 0, f.length
	return f, p, true
}

// between reports whether the last byte that went by was the last one of a frame.
func (w *frames) between() bool { return w.have == 0 && w.rest == 0 }

// Error codes of RFC 9113 section 7.
const (
	codeNone               = 0x0
	codeEnhanceYourCalm    = 0xb
	codeInadequateSecurity = 0xc
)

// anyStream is the last stream of a GOAWAY that leaves open which streams are served.
const anyStream = 1<<31 - 1

// goAwayFrame tells the client that streams up to last may be served, and that it should open no others.
func goAwayFrame(last, code uint32) []byte {
	p := []byte{0, 0, 8, frameGoAway, 0, 0, 0, 0, 0}
	p = binary.BigEndian.AppendUint32(p, last)
	return binary.BigEndian.AppendUint32(p, code)
}
