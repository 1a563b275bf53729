package logs

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pipePiece is what a pipe that polls as writable takes without blocking: a page, which is PIPE_BUF.
const pipePiece = 4096

// errStalled is the failure of a write to a terminal or pipe that nobody reads.
var errStalled = errors.New("nobody reads what is written")

// A stream is a terminal or pipe that somebody else opened: standard output or error. Whoever reads it may stop doing so (Ctrl-S, a
// collector that hangs), and a write would then block the supervisor and after it every worker. So a write waits a second
// at most, and after one that has failed not at all until there is room again. Any goroutine may write.
type stream struct {
	f    *os.File
	wait time.Duration // sendWait, but for tests

	mu      sync.Mutex // standard error is told about every log
	stalled bool
}

// Write writes b, or fails with what it could not write.
func (s *stream) Write(b []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) > 0 {
		if !s.writable() {
			return written, errStalled
		}
		n, err := s.f.Write(b[:min(len(b), pipePiece)])
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// writable waits for room. The caller holds mu.
func (s *stream) writable() bool {
	wait := s.wait
	if s.stalled {
		wait = 0
	}
	conn, err := s.f.SyscallConn()
	if err != nil {
		return true // the write will say what is wrong
	}
	s.stalled = false
	_ = conn.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		for deadline := time.Now().Add(wait); ; {
			n, err := unix.Poll(poll, int(max(0, time.Until(deadline).Milliseconds())))
			if err == unix.EINTR {
				continue
			}
			s.stalled = n == 0 && err == nil
			return
		}
	})
	return !s.stalled
}
