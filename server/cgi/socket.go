package cgi

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// A privateSocket is a listening Unix socket without a name: nobody but this process, and who inherits the listener, can reach it.
type privateSocket struct {
	listener *os.File // for a program to accept on
	node     int      // the file that was its name, opened with O_PATH: connecting to that is connecting to the socket
}

// newPrivateSocket listens in a directory that is gone before anybody could look into it.
func newPrivateSocket() (*privateSocket, error) {
	dir, err := os.MkdirTemp("", "gild-php-")
	if err != nil {
		return nil, errors.Wrap(err, "no directory for the socket of php-cgi")
	}
	defer os.RemoveAll(dir)
	s := &privateSocket{}
	if s.listener, err = listenIn(dir); err != nil {
		return nil, err
	}
	if s.node, err = unix.Open(filepath.Join(dir, socketName), unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		_ = s.listener.Close()
		return nil, errors.Wrap(err, "the socket of php-cgi cannot be opened")
	}
	return s, nil
}

const socketName = "socket"

// listenIn listens on a socket in the directory, whose path may be longer than the address of a socket (unix(7)).
func listenIn(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: byDescriptor(int(d.Fd())) + "/" + socketName})
	if err != nil {
		return nil, errors.Wrap(err, "no socket for php-cgi")
	}
	defer l.Close() // File is a duplicate
	l.SetUnlinkOnClose(false)
	return l.File()
}

func byDescriptor(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// dial connects to the socket.
func (s *privateSocket) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", byDescriptor(s.node))
}

func (s *privateSocket) close() {
	_ = s.listener.Close()
	_ = unix.Close(s.node)
}
