package fastcgi

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Types of records, section 8 of the specification.
const (
	beginRequest = 1
	endRequest   = 3
	params       = 4
	stdin        = 5
	stdout       = 6
	stderr       = 7
)

const (
	version     = 1
	headerSize  = 8
	contentSize = 0xffff // the most that one record carries
	requestID   = 1      // of every request: there is one at a time
	responder   = 1      // role
	keepConn    = 1      // flag: the application leaves the connection open
)

// A header is that of a record, section 3.3.
type header struct {
	kind    byte
	id      uint16
	content int // bytes
	padding int // bytes that follow the content and mean nothing
}

// readHeader reads the header of the next record. io.EOF is the end of the connection between two records.
func readHeader(r io.Reader) (header, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return header{}, err
	}
	if b[0] != version {
		return header{}, fmt.Errorf("a record of version %d of FastCGI, which is not known", b[0])
	}
	return header{kind: b[1], id: binary.BigEndian.Uint16(b[2:]), content: int(binary.BigEndian.Uint16(b[4:])), padding: int(b[6])}, nil
}

// appendRecord appends a record with the content, which is at most contentSize long.
func appendRecord(b []byte, kind byte, content []byte) []byte {
	b = append(b, version, kind)
	b = binary.BigEndian.AppendUint16(b, requestID)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	b = append(b, 0, 0)
	return append(b, content...)
}

// appendStream appends a whole stream: its records and the empty one that ends it.
func appendStream(b []byte, kind byte, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), contentSize)
		b = appendRecord(b, kind, content[:n])
		content = content[n:]
	}
	return appendRecord(b, kind, nil)
}

// appendBegin appends the record that begins a request, section 5.1.
func appendBegin(b []byte) []byte {
	return appendRecord(b, beginRequest, []byte{0, responder, keepConn, 0, 0, 0, 0, 0})
}

// appendParams appends the variables of a request, each NAME=value, as name-value pairs (section 3.4).
func appendParams(b []byte, environ []string) []byte {
	var pairs []byte
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		pairs = appendLength(appendLength(pairs, len(name)), len(value))
		pairs = append(append(pairs, name...), value...)
	}
	return appendStream(b, params, pairs)
}

// appendLength appends the length of a name or value: one byte, or four with the highest bit set.
func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
}
