package server

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// A packetConn is the share as quic-go wants to see it: its OOBCapablePacketConn with a ReadBatch, so that it goes on
// using recvmmsg, congestion bits, packet information and segmentation offload. Options are set on the UDP socket
// itself.
type packetConn struct{ share *PacketShare }

// ReadBatch waits for datagrams: from the UDP socket for the owner, and through the relay for everybody. Those that
// were passed on to other processes are left in the batch with no bytes, which is no packet of QUIC. One goroutine may
// call it.
func (c packetConn) ReadBatch(batch []ipv4.Message, flags int) (int, error) {
	s := c.share
	for !s.ended.Load() {
		n := s.takeRelayed(batch)
		var err error
		switch {
		case n > 0:
		case s.owner.Load():
			n, err = s.readSocket(batch, flags)
		default:
			n, err = s.waitForTurn(batch)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, os.ErrDeadlineExceeded
}

// readSocket is for the owner. Nothing and no error means that there was something to look at.
func (s *PacketShare) readSocket(batch []ipv4.Message, flags int) (int, error) {
	n, err := s.batch.ReadBatch(batch, flags)
	if n > 0 {
		s.forward(batch[:n])
		return n, nil
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, err
	}
	return 0, s.udp.SetReadDeadline(time.Time{}) // and only then the caller looks: notify does it in the other order
}

// takeRelayed moves what has come through the relay into the batch.
func (s *PacketShare) takeRelayed(batch []ipv4.Message) (n int) {
	for n < len(batch) {
		select {
		case p := <-s.relayed:
			fill(&batch[n], p)
			n++
		default:
			return n
		}
	}
	return n
}

// waitForTurn waits until there is something to do for a process that does not own the socket.
func (s *PacketShare) waitForTurn(batch []ipv4.Message) (int, error) {
	select {
	case p := <-s.relayed:
		fill(&batch[0], p)
		return 1, nil
	case <-s.wake:
		return 0, nil
	case <-s.closed:
		return 0, net.ErrClosed
	}
}

func fill(m *ipv4.Message, p relayedPacket) {
	m.N, m.NN = copy(m.Buffers[0], p.payload), copy(m.OOB, p.control)
	m.Addr, m.Flags = p.client, 0
}

// ReadMsgUDP is never called beside ReadBatch; quic-go wants it to be there.
func (c packetConn) ReadMsgUDP([]byte, []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	return 0, 0, 0, nil, errors.ErrUnsupported
}

// ReadFrom is like ReadMsgUDP.
func (c packetConn) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errors.ErrUnsupported }

// WriteMsgUDP writes to the socket, whoever owns it.
func (c packetConn) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	return c.share.udp.WriteMsgUDP(b, oob, to)
}

// WriteTo is WriteMsgUDP without control messages.
func (c packetConn) WriteTo(b []byte, to net.Addr) (int, error) { return c.share.udp.WriteTo(b, to) }

// LocalAddr is the address that the socket is bound to.
func (c packetConn) LocalAddr() net.Addr { return c.share.udp.LocalAddr() }

// SyscallConn gives access to the socket for its options.
func (c packetConn) SyscallConn() (syscall.RawConn, error) { return c.share.udp.SyscallConn() }

// SetReadBuffer sets the size of the socket's buffer.
func (c packetConn) SetReadBuffer(bytes int) error { return c.share.udp.SetReadBuffer(bytes) }

// SetWriteBuffer does the same for writing.
func (c packetConn) SetWriteBuffer(bytes int) error { return c.share.udp.SetWriteBuffer(bytes) }

// SetReadDeadline makes reads fail from now on, unless t is zero, which lets them work again. quic-go knows no other use:
// so it ends its reading goroutine.
func (c packetConn) SetReadDeadline(t time.Time) error {
	c.share.ended.Store(!t.IsZero())
	c.share.notify()
	return nil
}

// SetWriteDeadline is not needed: writes do not wait.
func (c packetConn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// SetDeadline is SetReadDeadline.
func (c packetConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// Close does nothing: the share outlives QUIC.
func (c packetConn) Close() error { return nil }
