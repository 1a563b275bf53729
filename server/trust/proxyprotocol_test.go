package trust

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// block2 is a header of version 2: version and command, family and transport, the bytes behind them.
func block2(command, family byte, rest string) string {
	return signature2 + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

// The addresses of the specification's examples: source, destination, ports 56324 and 443.
const (
	ends4 = "\xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x01\xbb"
	ends6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xdc\x04\x01\xbb"
)

// TestParseProxyHeader: want is the source, "-" if there is none, "" for a header that is refused. GET follows each.
func TestParseProxyHeader(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"TCP4":                        {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324"},
		"TCP6":                        {"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "[2001:db8::1]:56324"},
		"TCP6 with IPv4 in it":        {"PROXY TCP6 ::ffff:192.168.0.1 ::1 56324 443\r\n", "192.168.0.1:56324"},
		"UNKNOWN":                     {"PROXY UNKNOWN\r\n", "-"},
		"UNKNOWN with more":           {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "-"},
		"the longest line":            {"PROXY UNKNOWN " + strings.Repeat("f", 91) + "\r\n", "-"},
		"a line too long":             {"PROXY UNKNOWN " + strings.Repeat("f", 92) + "\r\n", ""},
		"a family for other":          {"PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n", ""},
		"a port too large":            {"PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n", ""},
		"a word is missing":           {"PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n", ""},
		"a word too many":             {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 x\r\n", ""},
		"two spaces":                  {"PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n", ""},
		"UDP4":                        {"PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n", ""},
		"no header":                   {"GET / HTTP/1.1\r\n", ""},
		"the preface of HTTP/2":       {"PRI * HTTP/2.0\r\n", ""},
		"a ClientHello":               {"\x16\x03\x01", ""},
		"in lower case":               {"proxy TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", ""},
		"2, TCP4":                     {block2(0x21, 0x11, ends4), "192.168.0.1:56324"},
		"2, TCP6":                     {block2(0x21, 0x21, ends6), "[2001:db8::1]:56324"},
		"2, TCP4 with TLVs":           {block2(0x21, 0x11, ends4+"\x04\x00\x03abc"), "192.168.0.1:56324"},
		"2, UNIX":                     {block2(0x21, 0x31, strings.Repeat("\x00", 216)), "-"},
		"2, AF_UNSPEC":                {block2(0x21, 0x00, ""), "-"},
		"2, AF_UNSPEC with TLVs":      {block2(0x21, 0x00, "\x04\x00\x03abc"), "-"},
		"2, LOCAL":                    {block2(0x20, 0x00, ""), "-"},
		"2, LOCAL with addresses":     {block2(0x20, 0x11, ends4), "-"},
		"2, LOCAL of another family":  {block2(0x20, 0x77, "x"), "-"},
		"2, as much as there may be":  {block2(0x20, 0x00, strings.Repeat("x", MaxProxyHeader-prefix2)), "-"},
		"2, more than there may be":   {block2(0x20, 0x00, strings.Repeat("x", MaxProxyHeader-prefix2+1)), ""},
		"2, too short for TCP4":       {block2(0x21, 0x11, ends4[:11]), ""},
		"2, too short for TCP6":       {block2(0x21, 0x21, ends6[:35]), ""},
		"2, too short for UNIX":       {block2(0x21, 0x31, strings.Repeat("\x00", 215)), ""},
		"2, UDP4":                     {block2(0x21, 0x12, ends4), ""},
		"2, a command there is not":   {block2(0x22, 0x11, ends4), ""},
		"2, a version there is not":   {block2(0x31, 0x11, ends4), ""},
		"2, a family there is not":    {block2(0x21, 0x41, ends4), ""},
		"2, the signature with a tab": {strings.Replace(block2(0x21, 0x11, ends4), "QUIT", "QUI\t", 1), ""},
	} {
		source, size, err := ParseProxyHeader([]byte(c.header + "GET / HTTP/1.1\r\n\r\n"))
		got := "-"
		if source.IsValid() {
			got = source.String()
		}
		if err != nil {
			got = ""
		}
		if got != c.want || err == nil && size != len(c.header) {
			t.Errorf("%s: got %q, %d bytes, %v; want %q, %d bytes", name, got, size, err, c.want, len(c.header))
		}
	}
}

// FuzzParseProxyHeader: a header is found as soon as it is complete, not before, and whatever follows changes nothing.
func FuzzParseProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(block2(0x21, 0x11, ends4) + "\x16"))
	f.Add([]byte(block2(0x21, 0x21, ends6+"\x04\x00\x03abc")))
	f.Add([]byte(block2(0x20, 0x00, "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		source, size, err := ParseProxyHeader(data)
		if err != nil || size == 0 {
			if size != 0 || source.IsValid() {
				t.Fatalf("%q: %v, %d bytes, %v", data, source, size, err)
			}
			return
		}
		if size > len(data) || size > MaxProxyHeader {
			t.Fatalf("%q: %d bytes", data, size)
		}
		for n := range size {
			if _, early, err := ParseProxyHeader(data[:n]); early != 0 || err != nil {
				t.Fatalf("%q: the first %d bytes are a header of %d, %v", data[:size], n, early, err)
			}
		}
		if again, n, err := ParseProxyHeader(append(data[:size:size], '\n')); again != source || n != size || err != nil {
			t.Fatalf("%q: another byte makes it %v, %d, %v", data[:size], again, n, err)
		}
	})
}

// TestParseNode: one address in all forms, and what is none.
func TestParseNode(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1 ", "192.0.2.1:80": "192.0.2.1 80", "2001:db8::1": "2001:db8::1 ", "[2001:db8::1]": "2001:db8::1 ",
		"[2001:db8::1]:80": "2001:db8::1 80", "::ffff:192.0.2.1": "192.0.2.1 ", "192.0.2.1:_x": "192.0.2.1 ", "[::1]:_x": "::1 ",
		"192.0.2.1:65536": "", "192.0.2.1:": "", "192.0.2.01": "", "[192.0.2.1": "", "fe80::1%eth0": "", "[fe80::1%eth0]:80": "",
		"unknown": "", "_hidden": "", "localhost": "", "": "", ":_": "", "192.0.2.0/24": "",
	} {
		addr, port, ok := parseNode(text)
		if got := addr.String() + " " + port; ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %t, want %q", text, got, ok, want)
		}
	}
}

// FuzzParseForwarded: what is read and written again is read as the same.
func FuzzParseForwarded(f *testing.F) {
	for _, seed := range []string{`for=192.0.2.60;proto=https;by=203.0.113.43;host=x`, `for="[2001:db8::17]:4711"`, `For=_a, for=unknown`, `a="\"b\\";c=d;;,,`, `=`, `"`, "a=b c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		list, err := parseForwarded([]string{field})
		if err != nil {
			return
		}
		again, err := parseForwarded([]string{joined(list)})
		if err != nil || len(again) != len(list) {
			t.Fatalf("%q is %d elements, written again %d, %v", field, len(list), len(again), err)
		}
		for i := range list {
			if list[i] != again[i] {
				t.Errorf("%q: %s is read again as %s", field, quoted(list[i]), quoted(again[i]))
			}
		}
	})
}

func quoted(e element) string {
	return strconv.Quote(e.text + "|" + e.node + "|" + e.host + "|" + e.proto)
}

// TestTrusts: an address in the form of IPv6 is the one that it stands for, and one that is not known is nobody's.
func TestTrusts(t *testing.T) {
	p := NewPolicy(nil, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")})
	for text, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "2001:db8::1": true, "2001:db9::1": false, "2001:db8::1%eth0": true} {
		if got := p.Trusts(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is trusted: %t", text, got)
		}
	}
	if p.Trusts(netip.Addr{}) || !NewPolicy(nil, nil).Trusts(netip.Addr{}) {
		t.Error("an address that is not known is trusted just where all are")
	}
}
