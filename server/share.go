package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// A PacketShare is one UDP socket among the processes that may serve it: fronts of generations that overlap, or
// workers. The kernel does not know which of them has a QUIC connection, so one of them, the owner, reads the socket.
// It keeps what is new and passes on what belongs to a connection of another; the connection ID says whose it is.
// Everybody writes to the socket directly.
//
// The others need neither the owner nor the supervisor to agree: who owns the socket, and who is alive, are locks that
// the kernel releases when a process dies. Who serves waits to become the owner; who drains stops being it as soon as
// somebody waits, and goes on with the connections it has.
//
// Make it with [OpenPacketShare] and give it to one [Server], which closes it. The supervisor calls
// [NewPacketShareFiles].
type PacketShare struct {
	udp   *net.UDPConn
	batch *ipv4.PacketConn // udp, several datagrams per system call
	locks lockFile
	ids   idMaker

	in  [shareTags]*os.File      // of the relays, until it is known which one is ours
	out [shareTags]*net.UnixConn // to the process with that tag

	relayed chan relayedPacket // what came through our relay
	wake    chan struct{}      // something has changed for who waits without owning
	closed  chan struct{}
	owner   atomic.Bool
	ended   atomic.Bool // reads are to fail, see packetConn.SetReadDeadline

	mu      sync.Mutex    // guards the change of owner, and closing
	mine    *net.UnixConn // our relay, once there is a tag
	served  bool          // this process has been the owner
	retired bool

	life               [shareTags]sighting // used by the reading goroutine only
	forwarded, dropped atomic.Uint64       // datagrams for other processes
}

// A sighting remembers whether a tag was in use, so that not every datagram asks the kernel.
type sighting struct {
	at    time.Time
	alive bool
}

// sightingAge is how long a sighting is believed: what is sent to a process that died meanwhile is lost, and sent again.
const sightingAge = 100 * time.Millisecond

// OpenPacketShare takes over a bound UDP socket and the files of [NewPacketShareFiles], and closes them all if it
// fails. It reads nothing yet. No other descriptor of the first file may be closed in this process while the share is
// open: POSIX locks end with any of them (fcntl(2)).
func OpenPacketShare(udp *os.File, files []*os.File) (*PacketShare, error) {
	defer udp.Close()
	if len(files) != PacketShareFiles {
		closeFiles(files)
		return nil, fmt.Errorf("sharing a UDP socket takes %d files, not %d", PacketShareFiles, len(files))
	}
	s := &PacketShare{
		locks:   lockFile{files[0]},
		relayed: make(chan relayedPacket, 64),
		wake:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	err := errors.Join(s.ids.load(files[0]), s.openSocket(udp), s.openRelays(files[1:]))
	if err != nil {
		s.close()
		return nil, fmt.Errorf("cannot share the UDP socket: %w", err)
	}
	return s, nil
}

// Addr is the address that the UDP socket is bound to.
func (s *PacketShare) Addr() net.Addr { return s.udp.LocalAddr() }

func (s *PacketShare) openSocket(f *os.File) error {
	c, err := net.FilePacketConn(f) // a descriptor of its own
	if err != nil {
		return err
	}
	udp, ok := c.(*net.UDPConn)
	if !ok {
		return errors.Join(fmt.Errorf("%s is not a UDP socket", c.LocalAddr()), c.Close())
	}
	s.udp, s.batch = udp, ipv4.NewPacketConn(udp)
	return nil
}

// serve waits to become the owner, and reads from then on. It returns then, or when the share is retired, which it may
// notice only when it could have become the owner: call it in a goroutine.
//
// Who waits says so by a lock, too, one at a time: an owner that drains gives the socket up for somebody, not for
// nobody. And that one has a tag before: an owner without one would have to leave all datagrams unread.
func (s *PacketShare) serve() error {
	if err := s.locks.wait(nextByte); err != nil {
		return fmt.Errorf("cannot wait to read the UDP socket: %w", err)
	}
	if ready, err := s.prepare(); err != nil || !ready {
		return errors.Join(err, s.locks.unlock(nextByte))
	}
	if err := s.locks.wait(ownerByte); err != nil {
		return fmt.Errorf("cannot become the reader of the UDP socket: %w", err)
	}
	return s.take()
}

// errNoTag is the failure of serve that may be over later: call it again.
var errNoTag = fmt.Errorf("%d processes still have connections of this socket; waiting for one of them to end", shareTags)

// prepare takes a tag and begins to read its relay. It reports false if the share was retired meanwhile.
func (s *PacketShare) prepare() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return false, nil
	}
	for tag := range shareTags {
		if ok, err := s.locks.try(tag); err != nil {
			return false, err
		} else if ok {
			return true, s.openRelay(tag)
		}
	}
	return false, errNoTag
}

func (s *PacketShare) openRelay(tag int) error {
	c, err := net.FileConn(s.in[tag])
	if err != nil {
		return fmt.Errorf("cannot open relay %d of the UDP socket: %w", tag, err)
	}
	closeFiles(s.in[:])
	s.in = [shareTags]*os.File{}
	s.mine = c.(*net.UnixConn)
	s.ids.tag.Store(int32(tag))
	go s.readRelay(s.mine)
	return nil
}

// take makes this process, which has the lock, the owner.
func (s *PacketShare) take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return s.locks.unlock(ownerByte)
	}
	s.served = true
	s.own(true)
	return s.locks.unlock(nextByte)
}

// retire begins to leave the socket to others; tend has to follow from time to time. It does not wait for anything.
func (s *PacketShare) retire() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return nil
	}
	s.retired = true
	if s.served {
		return nil
	}
	return errors.Join(s.locks.unlock(nextByte), s.locks.unlock(ownerByte)) // serve may hold them, and cannot be called off
}

// tend sees to it that somebody reads the socket while this process drains: another one if there is one that wants to,
// and if not, because gild ends or because that one has died, this one. Datagrams of our connections come in either
// way. A batch that is being read just now may still be dealt with here; that does no harm.
func (s *PacketShare) tend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return nil
	default:
	}
	switch {
	case !s.served: // there was never a connection
	case s.owner.Load():
		if s.locks.held(nextByte) {
			s.own(false)
			return s.locks.unlock(ownerByte)
		}
	default:
		free, err := s.locks.try(ownerByte)
		if free {
			s.own(true)
		}
		return err
	}
	return nil
}

// own begins or ends to read the socket.
func (s *PacketShare) own(yes bool) {
	s.owner.Store(yes)
	s.notify()
}

// notify makes the reading goroutine look again at what it should read.
func (s *PacketShare) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
	_ = s.udp.SetReadDeadline(time.Unix(1, 0)) // it fails when the socket is closed, and then the read has ended anyway
}

// close ends reads and writes and gives the locks up. It may be called more than once, by any goroutine.
func (s *PacketShare) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	select {
	case <-s.closed:
		return
	default:
		close(s.closed)
	}
	if s.udp != nil {
		_ = s.udp.Close()
	}
	if s.mine != nil {
		_ = s.mine.Close()
	}
	for _, c := range s.out {
		if c != nil {
			_ = c.Close()
		}
	}
	closeFiles(s.in[:])
	_ = s.locks.unlockAll()
	_ = s.locks.Close()
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
