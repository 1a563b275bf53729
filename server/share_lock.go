package server

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// A lockFile has a lock for each of its bytes: POSIX record locks (fcntl(2)), because they belong to a process, whoever
// else has the same descriptor, and end with it. A process never finds its own locks in the way.
type lockFile struct{ *os.File }

// wait takes the lock of a byte as soon as it is free. It cannot be given up.
func (f lockFile) wait(offset int64) error {
	for {
		err := f.control(unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK, Start: offset, Len: 1})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// try takes the lock of a byte and reports whether it was free.
func (f lockFile) try(offset int) (bool, error) {
	err := f.control(unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: int64(offset), Len: 1})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// held reports whether another process has the lock of a byte.
func (f lockFile) held(offset int) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(offset), Len: 1}
	return f.control(unix.F_GETLK, &lock) == nil && lock.Type != unix.F_UNLCK
}

func (f lockFile) unlock(offset int64) error {
	return f.control(unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: offset, Len: 1})
}

// unlockAll gives all locks up. Close alone does that only when nobody waits for one any more.
func (f lockFile) unlockAll() error {
	return f.control(unix.F_SETLK, &unix.Flock_t{Type: unix.F_UNLCK}) // length 0: to the end
}

// control keeps the descriptor from being closed, and from being another file's, as long as the call lasts.
func (f lockFile) control(cmd int, lock *unix.Flock_t) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if raw.Control(func(fd uintptr) { failed = unix.FcntlFlock(fd, cmd, lock) }) != nil {
		return os.ErrClosed
	}
	return os.NewSyscallError("fcntl", failed)
}
