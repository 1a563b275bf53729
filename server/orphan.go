package server

import (
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"gild/logs"
)

// How a socket is left on which nobody else accepts. What is in its queue was promised an answer: the client's kernel says that it is
// connected. Closing the socket would reset it, and while new connections come the queue is never certain to be empty. So:
//
//  1. the kernel is told to drop requests for new connections. To their clients that is a packet lost: they repeat it a
//     second later (RFC 6298 section 2), and then
//  2. what is queued has been accepted, also what was in the middle of its handshake, and
//  3. the socket is closed, so that they are refused.

// orphanQuiet is how long nothing must have come out of the queue before the socket is closed: time enough for the last packet of a
// handshake, and less than the second after which clients try again.
const orphanQuiet = 500 * time.Millisecond

// adopt prepares the listeners at these positions for it and returns them, without those where it is not possible. A server that has
// not begun to accept does not begin now.
func (s *Server) adopt(positions []int) (orphans []*listener) {
	if !s.begun.Load() {
		return nil
	}
	for _, i := range positions {
		l := s.listeners[i]
		if err := l.becomeOrphan(); err != nil {
			logs.Printf(s.errorLog, logs.Error, "core",
				"Connections that wait to be accepted on %s are lost, because no more can be kept from coming: %v", l.Addr(), err)
			continue
		}
		orphans = append(orphans, l)
	}
	return orphans
}

// becomeOrphan has l accept what is queued only.
func (l *listener) becomeOrphan() error {
	if err := dropNewcomers(l.Socket); err != nil {
		return err
	}
	l.orphan.Store(true)
	l.expectLast() // an accept that is under way has no bound yet
	return nil
}

// expectLast bounds the accept that follows, or is under way.
func (l *listener) expectLast() {
	_ = l.Socket.(*net.TCPListener).SetDeadline(time.Now().Add(orphanQuiet)) // fails when it is closed, as does accept
}

// empty waits until the queues of orphans are empty. The gate is held meanwhile.
func (s *Server) empty(orphans []*listener) {
	defer s.gate.settle()
	defer s.stopAccepting()
	for _, l := range orphans {
		select {
		case <-l.ended:
		case <-s.stopping:
		}
	}
}

// newcomers is a filter of sockets (Linux: Documentation/networking/filter.rst) that drops a segment of TCP with SYN and
// without ACK, which asks for a connection (RFC 9293 section 3.1), and lets all others pass: those that complete a handshake.
var newcomers = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13}, // the flags
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x02, Jt: 0, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
}

// dropNewcomers attaches that filter, for all processes that have the socket. Sockets of MPTCP take none.
func dropNewcomers(socket net.Listener) error {
	l, ok := socket.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("a %T is no socket of TCP", socket)
	}
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	filter := newcomers
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	var attached error
	err = raw.Control(func(fd uintptr) {
		attached = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt", attached)
}
