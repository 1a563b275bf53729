package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// shareTags is how many processes can share one UDP socket at once: those that drain, the owner, and the next one, which
// waits if no tag is left for it.
const shareTags = 8

// PacketShareFiles is the number of files that [NewPacketShareFiles] makes: one for locks and a pair for each relay.
const PacketShareFiles = 1 + 2*shareTags

// Offsets in the file of locks. Bytes 0 to shareTags-1 are locked by who uses the tag. Nothing is stored in a byte that
// is locked.
const (
	nextByte     = 254 // locked by who is next to read the UDP socket
	ownerByte    = 255 // locked by who reads it
	secretOffset = 256 // the secret by which connection IDs are known to be ours
)

// relayBuffer is how many bytes of datagrams may wait for a process that is slow to read its relay; the system's limit
// net.core.wmem_max may make it less. What does not fit is dropped, as a full socket would.
const relayBuffer = 1 << 20

// NewPacketShareFiles makes the files that the processes which share a UDP socket need besides it, for
// [OpenPacketShare]. The supervisor makes them once for a socket, keeps them open and passes them, in this order, to
// each process. They are closed on exec unless they are passed on.
func NewPacketShareFiles() ([]*os.File, error) {
	locks, err := newLocks()
	if err != nil {
		return nil, err
	}
	files := []*os.File{locks}
	for range shareTags {
		pair, err := newRelay()
		if err != nil {
			closeFiles(files)
			return nil, err
		}
		files = append(files, pair[0], pair[1])
	}
	return files, nil
}

// newLocks makes the file of locks, with a secret in it. Its mode keeps a process of another user, such as an application that
// finds it in /proc, from opening it and holding the locks.
func newLocks() (*os.File, error) {
	fd, err := unix.MemfdCreate("gild-udp", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make the file of locks of a UDP socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "UDP locks")
	var secret [secretSize]byte
	_, _ = rand.Read(secret[:]) // which ends the program rather than fail
	_, err = f.WriteAt(secret[:], secretOffset)
	if err := errors.Join(err, f.Chmod(0o600)); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot write the file of locks of a UDP socket: %w", err)
	}
	return f, nil
}

// newRelay makes a pair of sockets: what is written to the second is read from the first. Both ends are connected to each
// other, so that the limit of the queue is its bytes and not net.unix.max_dgram_qlen, which is 10.
func newRelay() (pair [2]*os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return pair, fmt.Errorf("cannot make a relay of a UDP socket: %w", err)
	}
	if err := unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, relayBuffer); err != nil { // needs privileges
		_ = unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_SNDBUF, relayBuffer) // what the system allows is enough to work
	}
	for i, fd := range fds {
		pair[i] = os.NewFile(uintptr(fd), "UDP relay")
	}
	return pair, nil
}

// packetBuffer is how many bytes the kernel should keep of what has come in and of what goes out: what quic-go asks for.
const packetBuffer = 7 << 20

// EnlargePacketBuffers raises the socket buffers of a UDP socket above the limits of the system (net.core.rmem_max,
// net.core.wmem_max), so that a burst of datagrams is not lost. It needs CAP_NET_ADMIN, so it is for the supervisor;
// whoever serves asks for as much as the limits allow, and says so in the log if that is less.
func EnlargePacketBuffers(udp *os.File) error {
	raw, err := udp.SyscallConn()
	if err != nil {
		return err
	}
	var in, out error
	err = raw.Control(func(fd uintptr) {
		in = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, packetBuffer)
		out = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, packetBuffer)
	})
	return errors.Join(err, os.NewSyscallError("setsockopt", errors.Join(in, out)))
}
