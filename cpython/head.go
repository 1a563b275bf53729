package cpython

// #include "arena.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
)

// Head is the head of a response, as start_response was given it.
type Head struct {
	Status  int    // 200 to 999
	Reason  string // may be empty
	Headers []Header
}

// Header is one header of a response. Names are tokens and values have no line
// breaks: start_response has seen to it.
type Header struct{ Name, Value string }

var errHead = errors.New("a head block does not parse")

// Head returns the head of the response, once, and nil while there is none. A head
// that becomes visible with the end of the response is not returned before Done, so
// that a complete response is never taken for one that goes on. The Head belongs to
// the request and is valid until Release; its strings are copies.
func (r *Request) Head() (*Head, error) {
	length := int(atomic.LoadUint32(word(&r.slot.head_length)))
	if length == 0 || r.End() != Open && !r.Done() {
		return nil, nil
	}
	if length > OutputSize || r.read != 0 {
		return nil, r.corrupt("a head block is too long, or came twice")
	}
	// Copied first and then believed: the memory is shared.
	block := string(window(r.slot, C.GILD_OUTPUT_OFFSET, length))
	if err := parseHead(block, &r.head); err != nil {
		return nil, r.corrupt(err.Error())
	}
	r.Advance(length)
	return &r.head, nil
}

// parseHead reads a head block, which response.c describes. It trusts nothing
// and reuses into.Headers.
func parseHead(block string, into *Head) error {
	const start, header = 8, 8
	if len(block) < start {
		return errHead
	}
	into.Status = int(u16(block))
	reason, count := int(u16(block[2:])), int(u32(block[4:]))
	block = block[start:]
	if into.Status < 200 || into.Status > 999 || reason > len(block) || count > len(block)/header {
		return errHead
	}
	into.Reason, block = block[:reason], block[reason:]
	into.Headers = into.Headers[:0]
	for range count {
		if len(block) < header {
			return errHead
		}
		name, value := int(u16(block)), int(u32(block[4:]))
		block = block[header:]
		if name == 0 || name+value > len(block) {
			return errHead
		}
		into.Headers = append(into.Headers, Header{block[:name], block[name : name+value]})
		block = block[name+value:]
	}
	if block != "" {
		return errHead
	}
	return nil
}

func u16(s string) uint16 { return binary.LittleEndian.Uint16([]byte(s[:2])) }
func u32(s string) uint32 { return binary.LittleEndian.Uint32([]byte(s[:4])) }
