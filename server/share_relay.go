package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// A datagram travels through a relay in one message:
//
//	address of the client 16 bytes | port 2 | IPv6 scope 4 | length of the control messages 1 | those | payload
//
// in network byte order; an IPv4 address is mapped into IPv6. The control messages are the kernel's, unchanged: the
// address and interface that the client has used, from which it has to be answered, and the congestion bits
// (IP_PKTINFO, IP_TOS and their kin of IPv6, ip(7)).
const (
	relayHead    = 16 + 2 + 4 + 1
	relayControl = 128  // room for control messages, as quic-go gives them
	relayPayload = 2048 // more than quic-go's buffers: it reads no larger datagrams
)

// A relayedPacket is such a message when it has been read.
type relayedPacket struct {
	client           *net.UDPAddr
	control, payload []byte
}

var errRelayMessage = errors.New("malformed message in the relay of a UDP socket")

// parseRelayed takes a message apart; the result shares its memory.
func parseRelayed(message []byte) (relayedPacket, error) {
	if len(message) < relayHead || len(message) < relayHead+int(message[relayHead-1]) {
		return relayedPacket{}, errRelayMessage
	}
	ip := netip.AddrFrom16([16]byte(message)).Unmap()
	client := &net.UDPAddr{IP: ip.AsSlice(), Port: int(binary.BigEndian.Uint16(message[16:]))}
	if scope := binary.BigEndian.Uint32(message[18:]); scope != 0 && ip.Is6() {
		client.Zone = zoneName(scope)
	}
	end := relayHead + int(message[relayHead-1])
	return relayedPacket{client, message[relayHead:end], message[end:]}, nil
}

// zoneName is how package net writes the zone of an address.
func zoneName(scope uint32) string {
	if i, err := net.InterfaceByIndex(int(scope)); err == nil {
		return i.Name
	}
	return fmt.Sprint(scope)
}

// zoneIndex is the inverse of zoneName; 0 is no zone.
func zoneIndex(zone string) (scope uint32) {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	_, _ = fmt.Sscan(zone, &scope)
	return scope
}

// appendRelayed appends the head of a message and the control messages to b. It reports false for what cannot be
// relayed: an address that is none of UDP, or more control messages than there can be.
func appendRelayed(b []byte, from net.Addr, control []byte) ([]byte, bool) {
	client, ok := from.(*net.UDPAddr)
	if !ok || len(control) > relayControl {
		return nil, false
	}
	ip, ok := netip.AddrFromSlice(client.IP)
	if !ok {
		return nil, false
	}
	address := ip.As16()
	b = append(b, address[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(client.Port))
	b = binary.BigEndian.AppendUint32(b, zoneIndex(client.Zone))
	b = append(b, byte(len(control)))
	return append(b, control...), true
}

func (s *PacketShare) openRelays(files []*os.File) error {
	var errs []error
	for i := range shareTags {
		s.in[i] = files[2*i]
		c, err := net.FileConn(files[2*i+1])
		errs = append(errs, err, files[2*i+1].Close())
		if err == nil {
			s.out[i], _ = c.(*net.UnixConn)
		}
		if err == nil && s.out[i] == nil {
			errs = append(errs, fmt.Errorf("relay %d is not a Unix socket", i), c.Close())
		}
	}
	return errors.Join(errs...)
}

// readRelay passes what other processes have read for us to who reads for QUIC, until the share is closed.
func (s *PacketShare) readRelay(relay *net.UnixConn) {
	buf := make([]byte, relayHead+relayControl+relayPayload)
	for {
		n, err := relay.Read(buf)
		if err != nil {
			return
		}
		p, err := parseRelayed(append([]byte(nil), buf[:n]...))
		if err != nil {
			s.dropped.Add(1)
			continue
		}
		select {
		case s.relayed <- p:
		case <-s.closed:
			return
		}
		if s.owner.Load() {
			s.notify()
		}
	}
}

// forward sends those datagrams of a batch that belong to other processes there, and empties them.
func (s *PacketShare) forward(batch []ipv4.Message) {
	for i := range batch {
		m := &batch[i]
		tag := s.ids.foreignTag(m.Buffers[0][:m.N])
		if tag < 0 || !s.alive(tag) {
			continue
		}
		if s.send(s.out[tag], m) {
			s.forwarded.Add(1)
		} else {
			s.dropped.Add(1)
		}
		m.N, m.NN = 0, 0
	}
}

// alive reports whether a process uses the tag. What belongs to a process that has died is kept, so that the client
// gets a stateless reset (RFC 9000 section 10.3).
func (s *PacketShare) alive(tag int) bool {
	now, seen := time.Now(), &s.life[tag]
	if now.Sub(seen.at) > sightingAge {
		*seen = sighting{now, s.locks.held(tag)}
	}
	return seen.alive
}

// send writes one datagram into a relay and reports whether there was room.
func (s *PacketShare) send(relay *net.UnixConn, m *ipv4.Message) bool {
	var head [relayHead + relayControl]byte
	h, ok := appendRelayed(head[:0], m.Addr, m.OOB[:m.NN])
	if !ok {
		return false
	}
	raw, err := relay.SyscallConn()
	if err != nil {
		return false
	}
	parts := [][]byte{h, m.Buffers[0][:m.N]}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, sent = unix.SendmsgBuffers(int(fd), parts, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	})
	return err == nil && sent == nil
}
