package auth

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what a server of names knows: names of addresses, as PTR has them, and addresses of names.
type zone struct {
	names     map[string][]string
	addresses map[string]string
}

var testZone = zone{
	names: map[string][]string{
		"1.2.0.192.in-addr.arpa.":    {"Good.Example."},
		"2.2.0.192.in-addr.arpa.":    {"good.example."}, // says so, but the name leads elsewhere
		"3.2.0.192.in-addr.arpa.":    {"lost.example."}, // there is no such name
		"4.2.0.192.in-addr.arpa.":    {"lost.example.", "second.example."},
		"1.100.51.198.in-addr.arpa.": {"localhost."},
	},
	addresses: map[string]string{"good.example.": "192.0.2.1", "second.example.": "192.0.2.4"},
}

// TestLookUp: the name of an address is one that leads back to it.
func TestLookUp(t *testing.T) {
	resolver := testZone.serve(t)
	for address, want := range map[string]string{
		"192.0.2.1":    "good.example",
		"192.0.2.2":    "",
		"192.0.2.3":    "",
		"192.0.2.4":    "second.example",
		"192.0.2.5":    "",
		"198.51.100.1": "", // a client that says it is on this machine
	} {
		if got := lookUp(resolver, netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is called %q, want %q", address, got, want)
		}
	}
}

// TestLookUpOfThisMachine: no server is asked for names of this machine.
func TestLookUpOfThisMachine(t *testing.T) {
	for address, own := range map[string]bool{"127.0.0.1": true, "127.1.2.3": true, "::1": true, "192.0.2.1": false} {
		if got := resolverFor(netip.MustParseAddr(address)) == &hostsOnly; got != own {
			t.Errorf("%s: only /etc/hosts is asked: %v", address, got)
		}
	}
	if _, err := hostsOnly.Dial(t.Context(), "udp", "192.0.2.53:53"); err == nil {
		t.Error("a server can be asked")
	}
}

// serve starts a server for the zone, and returns a resolver that asks it and nobody else.
func (z zone) serve(t *testing.T) *net.Resolver {
	t.Helper()
	socket, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := z.answer(buffer[:n]); err == nil {
				_, _ = socket.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// answer is RFC 1035 section 4.1, with what the zone knows.
func (z zone) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	header := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}
	switch {
	case q.Type == dnsmessage.TypePTR:
		for _, name := range z.names[q.Name.String()] {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name)}})
		}
	case q.Type == dnsmessage.TypeA && z.addresses[q.Name.String()] != "":
		m.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: netip.MustParseAddr(z.addresses[q.Name.String()]).As4()}}}
	}
	if len(m.Answers) == 0 && z.addresses[q.Name.String()] == "" {
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}
