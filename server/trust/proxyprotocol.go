package trust

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// MaxProxyHeader is how many bytes a header of the PROXY protocol may have, with what version 2 appends to the addresses. The
// specification has senders stay below 536 bytes; certificates of clients can make it more.
const MaxProxyHeader = 2048

// Signatures of the two versions, and the bytes of version 2 before the addresses.
const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	prefix2    = len(signature2) + 4
	maxLine    = 107 // of version 1, with its end
)

// ParseProxyHeader reads the header of the PROXY protocol, version 1 or 2, with which data begins (HAProxy's proxy-protocol.txt,
// 2020/03/05). size is how many bytes it has; 0 without an error means that more than data is needed. source is the client; it is
// not valid if the header does not say: then the connection is the proxy's own, or a client of some other family than IP.
func ParseProxyHeader(data []byte) (source netip.AddrPort, size int, err error) {
	switch {
	case begins(data, signature1):
		return parseProxyLine(data)
	case begins(data, signature2):
		return parseProxyBlock(data)
	}
	return source, 0, errors.New("the connection does not begin with a header of the PROXY protocol")
}

// begins reports whether data begins with the signature, or is the beginning of it.
func begins(data []byte, signature string) bool {
	n := min(len(data), len(signature))
	return string(data[:n]) == signature[:n]
}

// parseProxyLine reads version 1.
func parseProxyLine(data []byte) (source netip.AddrPort, size int, err error) {
	line, _, ended := bytes.Cut(data, []byte("\r\n"))
	switch size = len(line) + len("\r\n"); {
	case ended && size <= maxLine:
	case len(data) < maxLine:
		return source, 0, nil
	default:
		return source, 0, fmt.Errorf("the line of the PROXY protocol is longer than %d bytes", maxLine)
	}
	source, ok := parseWords(strings.Split(string(line), " "))
	if !ok {
		return source, 0, fmt.Errorf("%q is not a line of the PROXY protocol", line)
	}
	return source, size, nil
}

// parseWords takes a line without its end apart.
func parseWords(words []string) (source netip.AddrPort, ok bool) {
	switch family := words[1]; {
	case family == "UNKNOWN":
		return source, true // whatever follows is to be ignored
	case len(words) != 6 || family != "TCP4" && family != "TCP6":
		return source, false
	default:
		from, good := parseEnd(words[2], words[4], family)
		if _, ok = parseEnd(words[3], words[5], family); ok && good {
			source = from
		}
		return source, ok && good
	}
}

// parseEnd reads an address of the family and its port.
func parseEnd(address, port, family string) (netip.AddrPort, bool) {
	addr, err := netip.ParseAddr(address)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	ok := err == nil && notNumber == nil && addr.Is4() == (family == "TCP4") && addr.Zone() == ""
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), ok
}

// parseProxyBlock reads version 2.
func parseProxyBlock(data []byte) (source netip.AddrPort, size int, err error) {
	if len(data) < prefix2 {
		return source, 0, nil
	}
	fixed := data[len(signature2):prefix2]
	command, family, length := fixed[0], fixed[1], int(binary.BigEndian.Uint16(fixed[2:]))
	switch size = prefix2 + length; {
	case command != local && command != proxied:
		return source, 0, fmt.Errorf("the header of the PROXY protocol has version and command %#x, which there are not", command)
	case size > MaxProxyHeader:
		return source, 0, fmt.Errorf("the header of the PROXY protocol has %d bytes, the most is %d", size, MaxProxyHeader)
	case len(data) < size:
		return source, 0, nil
	case command == local:
		return source, size, nil
	}
	if source, err = parseAddresses(family, data[prefix2:size]); err != nil {
		return source, 0, err
	}
	return source, size, nil
}

// Bytes of the version 2 header. Families are those that have an address of IP, with streams; a proxy of TCP knows no others.
const (
	local, proxied = 0x20, 0x21 // version and command
	unspecified    = 0x00
	tcp4, tcp6     = 0x11, 0x21
	unixStream     = 0x31
)

// parseAddresses reads what is behind the prefix: both addresses, both ports, and whatever was appended.
func parseAddresses(family byte, data []byte) (source netip.AddrPort, err error) {
	ends, known := map[byte]int{unspecified: 0, tcp4: 4, tcp6: 16, unixStream: 108}[family]
	ports := 2 * ends
	switch {
	case !known:
		return source, fmt.Errorf("the header of the PROXY protocol has family and transport %#x, which cannot be those of a TCP connection", family)
	case len(data) < ports, ends != 108 && ends > 0 && len(data) < ports+4:
		return source, errors.New("the header of the PROXY protocol is too short for its addresses")
	case family == unspecified, family == unixStream:
		return source, nil
	}
	addr, _ := netip.AddrFromSlice(data[:ends])
	return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(data[ports:])), nil
}
