package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"gild/config"
	"gild/logs"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// systemdVariables are what systemd tells a service in its environment. It is meant for the supervisor alone.
var systemdVariables = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}

// withoutSystemd returns env without what systemd has put there: a child that used it would speak for gild.
func withoutSystemd(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(systemdVariables, name)
	})
}

// notifier returns a function that tells systemd the state of the service, in the words of sd_notify(3). It does nothing if
// systemd has not started gild. A message that cannot be sent is logged, the first time.
func notifier(log logs.Logger) func(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return func(string) {}
	}
	failed := false
	return func(state string) {
		if err := notify(path, state); err != nil && !failed {
			failed = true
			logs.Printf(log, logs.Warn, "core", "systemd cannot be told %q at NOTIFY_SOCKET=%s: %v", state, path, err)
		}
	}
}

// notify sends a message of sd_notify(3). A reader who does not read is not waited for: the supervisor has other things to do.
func notify(path, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyPatience)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// notifyPatience is how long a message to systemd may take.
const notifyPatience = 100 * time.Millisecond

// watchdog returns how often at least systemd wants to hear WATCHDOG=1, or 0 if it does not: sd_watchdog_enabled(3).
func watchdog() (time.Duration, error) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0, fmt.Errorf("systemd's watchdog (WATCHDOG_USEC, WATCHDOG_PID): %w", err)
	}
	return interval, nil
}

// activated returns the sockets that systemd has opened for the listeners: sd_listen_fds(3). The list has an element for each of
// the listeners, nil where the socket is still to be opened; the caller closes the others. A socket belongs to the listener
// of its address; a single one belongs to a single listener, whatever its address. The error names a socket that is of no
// use: systemd would accept connections on it that nobody answers.
func activated(listeners []config.Listener, log logs.Logger) ([]*os.File, error) {
	files := activation.Files(true)
	chosen, err := assign(files, listeners)
	if err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return nil, err
	}
	for i, f := range chosen {
		if f != nil {
			logs.Printf(log, logs.Notice, "core", "Listening on the socket %s that systemd has opened, for %s.", f.Name(), listeners[i].Address)
		}
	}
	return chosen, nil
}

// assign finds the listener of each socket.
func assign(files []*os.File, listeners []config.Listener) ([]*os.File, error) {
	chosen := make([]*os.File, len(listeners))
	for _, f := range files {
		network, address, err := listeningAddress(f)
		if err != nil {
			return nil, fmt.Errorf("systemd has passed the socket %s, which gild cannot use: %w", f.Name(), err)
		}
		i := slices.IndexFunc(listeners, func(l config.Listener) bool { return l.Network == network && isAddressOf(l, address) })
		if len(files) == 1 && len(listeners) == 1 && listeners[0].Network == network {
			i = 0
		}
		switch {
		case i < 0:
			return nil, fmt.Errorf("systemd has passed the socket %s, which listens on %s %s, but gild is to listen on %s; make ListenStream=, ListenDatagram= and the options --host, --port and --https-port agree",
				f.Name(), network, address, addresses(listeners))
		case chosen[i] != nil:
			return nil, fmt.Errorf("systemd has passed two sockets for %s: %s and %s", listeners[i].Address, chosen[i].Name(), f.Name())
		}
		chosen[i] = f
	}
	return chosen, nil
}

// addresses lists where gild is to listen.
func addresses(listeners []config.Listener) string {
	var list []string
	for _, l := range listeners {
		list = append(list, l.Network+" "+l.Address)
	}
	return strings.Join(list, ", ")
}

// listeningAddress returns where a TCP socket listens, or a UDP socket receives.
func listeningAddress(f *os.File) (network string, address netip.AddrPort, err error) {
	conn, err := f.SyscallConn() // Fd would make it a blocking one
	if err != nil {
		return "", address, err
	}
	failed := conn.Control(func(fd uintptr) {
		if network, err = networkOf(int(fd)); err == nil {
			address, err = addressOf(int(fd))
		}
	})
	return network, address, errors.Join(failed, err)
}

// networkOf is what Go calls the protocol of a socket.
func networkOf(fd int) (string, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", errors.New("it is no socket")
	}
	if kind == unix.SOCK_DGRAM {
		return "udp", nil
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || listening == 0 {
		return "", errors.New("it does not listen for connections; use ListenStream=, and Accept=no")
	}
	return "tcp", nil
}

// addressOf is the address that a socket is bound to.
func addressOf(fd int) (netip.AddrPort, error) {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)), nil
	}
	return netip.AddrPort{}, errors.New("it is no TCP or UDP socket; give ListenStream= a port, or an address and a port")
}

// isAddressOf says whether a socket at the address is what the listener asks for. An empty host is every interface.
func isAddressOf(l config.Listener, address netip.AddrPort) bool {
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil || port != strconv.Itoa(int(address.Port())) {
		return false
	}
	if host == "" {
		return address.Addr().IsUnspecified()
	}
	found, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
	return err == nil && slices.ContainsFunc(found, func(a netip.Addr) bool { return a.Unmap() == address.Addr() })
}
