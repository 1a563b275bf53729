package cpython

// #include "arena.h"
import "C"

import "unsafe"

// Add adds a key to the environ; the application sees the bytes of the value
// decoded as Latin-1 (PEP 3333).
func (r *Request) Add(key, value string) { r.add(0, key, value) }

// AddPath adds a key whose value is a name of the file system, decoded as
// os.fsdecode does.
func (r *Request) AddPath(key, value string) { r.add(1, key, value) }

// Block is a piece of environ that is the same for many requests, encoded once.
// The zero value is empty. It may be used by many goroutines once it is built.
type Block struct{ bytes []byte }

// Add adds a key, as Request.Add does. A key of more than 65535 bytes is left out.
func (b *Block) Add(key, value string) {
	if len(key) <= 0xffff {
		b.bytes = append(appendEntry(b.bytes, 0, key, len(value)), value...)
	}
}

// AddBlock adds all keys of a block.
func (r *Request) AddBlock(b *Block) {
	if r.overflow || len(r.environ)-r.length < len(b.bytes) {
		r.overflow = true
		return
	}
	r.length += copy(r.environ[r.length:], b.bytes)
}

// AddJoined adds a key whose value is the values with the separator between.
func (r *Request) AddJoined(key string, values []string, separator string) {
	size := len(separator) * (len(values) - 1)
	for _, v := range values {
		size += len(v)
	}
	at, ok := r.entry(0, key, size)
	if !ok {
		return
	}
	for i, v := range values {
		if i > 0 {
			at += copy(r.environ[at:], separator)
		}
		at += copy(r.environ[at:], v)
	}
	r.length = at
}

func (r *Request) add(decoding byte, key, value string) {
	if at, ok := r.entry(decoding, key, len(value)); ok {
		r.length = at + copy(r.environ[at:], value)
	}
}

// entryHead is the length of an entry without key and value; environ.c has the
// layout.
const entryHead = 8

// entry writes the head and the key of an entry and returns where its value
// goes.
func (r *Request) entry(decoding byte, key string, size int) (int, bool) {
	at := r.length
	if r.overflow || len(key) > 0xffff || len(r.environ)-at < entryHead+len(key)+size {
		r.overflow = true
		return 0, false
	}
	appendEntry(r.environ[at:at], decoding, key, size)
	return at + entryHead + len(key), true
}

func appendEntry(to []byte, decoding byte, key string, size int) []byte {
	to = append(to, decoding, 0, byte(len(key)), byte(len(key)>>8),
		byte(size), byte(size>>8), byte(size>>16), byte(size>>24))
	return append(to, key...)
}

// SetClient names the client in the records of the error log, as
// "address:port". What does not fit is cut off.
func (r *Request) SetClient(client string) {
	to := unsafe.Slice((*byte)(unsafe.Pointer(&r.slot.client[0])), len(r.slot.client))
	to[copy(to[:len(to)-1], client)] = 0
}
