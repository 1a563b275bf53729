package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gild/config"
	"gild/logs"

	"golang.org/x/sys/unix"
)

// socketStore holds the sockets of the server. They outlive every process but the supervisor, so that a connection made
// while none accepts waits in the backlog instead of being refused.
type socketStore struct {
	log    logs.Logger
	files  map[string]*os.File // by network and address
	status string              // path of the status socket, to be removed in the end

	systemd []*os.File // those that systemd has opened and has, too
}

func newSocketStore(log logs.Logger) *socketStore {
	return &socketStore{log: log, files: map[string]*os.File{}}
}

// open returns the sockets that a configuration asks for, in the order in which takeSockets expects them: the listeners,
// those of UDP with what is needed to share them, the status socket, the address for figures.
func (s *socketStore) open(c *config.Config) ([]*os.File, error) {
	if len(s.files) == 0 {
		if err := s.adopt(c); err != nil {
			return nil, err
		}
	}
	var files []*os.File
	for _, l := range c.Listeners() {
		f, err := s.socket(l.Network, l.Address, c.ServerBacklog)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w; %s", l.Address, err, advice(err))
		}
		files = append(files, f)
	}
	for _, l := range c.PacketListeners() {
		share, err := s.packets(l)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on UDP %s for HTTP/3: %w; %s, or --disable-http3", l.Address, err, advice(err))
		}
		files = append(files, share...)
	}
	if c.StatusSocket != "" {
		f, err := s.statusSocket(c)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if c.MetricsAddress != "" {
		f, err := s.socket("tcp", c.MetricsAddress, c.ServerBacklog)
		if err != nil {
			return nil, fmt.Errorf("--metrics-address: cannot listen on %s: %w", c.MetricsAddress, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// adopt takes the sockets that systemd has opened.
func (s *socketStore) adopt(c *config.Config) error {
	listeners := append(c.Listeners(), c.PacketListeners()...)
	files, err := activated(listeners, s.log)
	if err != nil {
		return err
	}
	for i, f := range files {
		if f == nil {
			continue
		}
		if err := listen(f, listeners[i].Network, c.ServerBacklog); err != nil {
			return err
		}
		s.files[listeners[i].Network+" "+listeners[i].Address] = f
		s.systemd = append(s.systemd, f)
	}
	return nil
}

// socket returns the socket of an address, opened if it is not.
func (s *socketStore) socket(network, address string, backlog int) (*os.File, error) {
	key := network + " " + address
	if f, ok := s.files[key]; ok {
		return f, nil
	}
	var how net.ListenConfig
	how.SetMultipathTCP(false) // Go's default, but such a socket takes no filter: without one, leaving it loses connections (server.Drain)
	listener, err := how.Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	defer listener.Close() // the file is the same socket
	if unixListener, ok := listener.(*net.UnixListener); ok {
		unixListener.SetUnlinkOnClose(false)
	}
	f, err := listener.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	if err := listen(f, network, backlog); err != nil {
		return nil, err
	}
	s.files[key] = f
	return f, nil
}

// listen sets the backlog of a socket that listens already: net has no way to ask for one.
func listen(f *os.File, network string, backlog int) error {
	if network == "udp" {
		return nil
	}
	if err := unix.Listen(int(f.Fd()), backlog); err != nil {
		return fmt.Errorf("--server-backlog: %w", err)
	}
	return nil
}

// isSystemd reports whether systemd has a socket, too.
func (s *socketStore) isSystemd(f *os.File) bool { return slices.Contains(s.systemd, f) }

// keep closes all of a network, or all if it is empty, but those that are kept.
func (s *socketStore) keep(kept []*os.File, network string) {
	for key, f := range s.files {
		if strings.HasPrefix(key, network) && !slices.Contains(kept, f) {
			_ = f.Close()
			delete(s.files, key)
		}
	}
}

// close closes everything.
func (s *socketStore) close() {
	s.keep(nil, "")
	if s.status != "" {
		_ = os.Remove(s.status)
	}
}

// statusSocket opens the socket that gild status asks. It is for root and the user of the server only.
func (s *socketStore) statusSocket(c *config.Config) (*os.File, error) {
	path := c.StatusSocket
	if f, ok := s.files["unix "+path]; ok {
		return f, nil
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	f, err := s.socket("unix", path, 16)
	if err != nil {
		return nil, fmt.Errorf("the socket for gild status: %w", err)
	}
	s.status = path
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	if c.Credential != nil {
		return f, os.Chown(path, int(c.Credential.UID), int(c.Credential.GID))
	}
	return f, nil
}

// removeStale removes the socket of a server that is gone. One of a server that answers is left alone.
func removeStale(path string) error {
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("a server with the root %s is running: it answers at %s; stop it, or give another --server-root", filepath.Dir(path), path)
	}
	return os.Remove(path)
}

// advice says what may help against an error of listen.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "is another server running there? --host, --port and --https-port choose another address"
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 are for root: start gild as root with --user and --group, or choose other ports with --port and --https-port"
	}
	return "--host, --port and --https-port choose another address"
}
