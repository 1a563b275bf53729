package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxFrame is the largest frame in bytes, header included. A longer message is split by the sender.
const MaxFrame = 60000

// frameHead is the length of the fixed part of a frame.
const frameHead = 24

// Kind says what a frame carries.
type Kind uint8

// The kinds of frames.
const (
	KindError  Kind = 1 // one record of the error log
	KindAccess Kind = 2 // a block of finished access-log lines, each ended by '\n'
)

// A Frame is one message on the log socket of a worker. The layout is little endian, one frame per datagram:
//
//	 0  u8  kind
//	 1  u8  level
//	 2  u16 length of the module
//	 4  u16 length of the client
//	 6  u16 length of the request id
//	 8  u32 pid
//	12  u32 tid
//	16  i64 time, Unix nanoseconds
//	24  module, client, id, and the message up to the end of the datagram
//
// C code of package cpython writes the same layout; change both or neither.
type Frame struct {
	Kind Kind
	Record
}

// errTooLong is AppendFrame's answer to a frame that no datagram can carry.
var errTooLong = errors.New("log frame longer than MaxFrame")

// AppendFrame appends the encoding of f to dst. It fails, leaving dst as it was, when a field or the whole frame is too
// long; it does not look at what the fields mean.
func AppendFrame(dst []byte, f *Frame) ([]byte, error) {
	names := len(f.Module) + len(f.Client) + len(f.ID)
	if names > MaxFrame || frameHead+names+len(f.Message) > MaxFrame {
		return dst, errTooLong
	}
	dst = append(dst, byte(f.Kind), byte(f.Level))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.Module)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.Client)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.ID)))
	dst = binary.LittleEndian.AppendUint32(dst, f.PID)
	dst = binary.LittleEndian.AppendUint32(dst, f.TID)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.Time))
	dst = append(dst, f.Module...)
	dst = append(dst, f.Client...)
	dst = append(dst, f.ID...)
	return append(dst, f.Message...), nil
}

// ParseFrame decodes one datagram. It trusts nothing: lengths are checked against b, kind and level against what exists.
// The strings of the frame are copies; b may be reused at once.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < frameHead || len(b) > MaxFrame {
		return Frame{}, fmt.Errorf("log frame of %d bytes, want %d to %d", len(b), frameHead, MaxFrame)
	}
	f := Frame{Kind: Kind(b[0]), Record: Record{
		Level: Level(b[1]),
		PID:   binary.LittleEndian.Uint32(b[8:]),
		TID:   binary.LittleEndian.Uint32(b[12:]),
		Time:  int64(binary.LittleEndian.Uint64(b[16:])),
	}}
	if f.Kind != KindError && f.Kind != KindAccess {
		return Frame{}, fmt.Errorf("log frame of unknown kind %d", b[0])
	}
	if f.Level > Trace8 {
		return Frame{}, fmt.Errorf("log frame of unknown level %d", b[1])
	}
	return f, f.cut(b)
}

// accessLines are the lines in a datagram that is a block of the access log as Client sends it, without names. They are not
// copied, since there may be millions.
func accessLines(b []byte) ([]byte, bool) {
	if len(b) < frameHead || len(b) > MaxFrame || Kind(b[0]) != KindAccess || b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
		return nil, false
	}
	return b[frameHead:], true
}

// cut sets the texts of f from the datagram b, whose head has been checked.
func (f *Frame) cut(b []byte) error {
	rest := b[frameHead:]
	for i, field := range []*string{&f.Module, &f.Client, &f.ID} {
		n := int(binary.LittleEndian.Uint16(b[2+2*i:]))
		if n > len(rest) {
			return fmt.Errorf("log frame: field %d of %d bytes runs past the end", i, n)
		}
		*field, rest = string(rest[:n]), rest[n:]
	}
	f.Message = string(rest)
	return nil
}
