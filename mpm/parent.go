package mpm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The descriptors of a worker.
const (
	controlFD    = 3
	logFD        = 4
	listenersFD  = 5
	orphanGrace  = time.Second // how long a worker may take to leave when the supervisor is gone
	orphanStatus = 1           // its exit status when it takes longer
)

// Parent is a worker's view of the supervisor.
type Parent struct {
	Config    []byte          // the configuration, as the supervisor sent it
	Listeners []*os.File      // the listening sockets, in the supervisor's order; the worker's to close
	LogFD     int             // the log socket, for logs.NewClient and for C code; blocking, closed on exec
	Stop      <-chan struct{} // closed when the worker is to finish what it has and exit

	control  *os.File
	stop     chan struct{}
	orphaned atomic.Bool
}

// Inherit takes over what the supervisor has given to this process and waits for the configuration. Call it once, early: from
// then on the descriptors are closed on exec, so that what the application starts does not hold the server's sockets.
//
// When the supervisor is gone, however it went, Stop is closed, Orphaned becomes true, and the process is ended a second later
// if it is still there.
func Inherit() (*Parent, error) {
	if err := checkInherited(); err != nil {
		return nil, err
	}
	config, err := receiveConfig(controlFD)
	if err != nil {
		return nil, fmt.Errorf("no configuration from the supervisor: %w", err)
	}
	if err := unix.SetNonblock(controlFD, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	stop := make(chan struct{})
	p := &Parent{Config: config, Listeners: inheritListeners(), LogFD: logFD, Stop: stop,
		control: os.NewFile(controlFD, "supervisor"), stop: stop}
	go p.listen()
	return p, nil
}

// checkInherited says what to do instead when a user runs the worker role by hand.
func checkInherited() error {
	for _, fd := range []int{controlFD, logFD} {
		kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
		if err != nil || kind != unix.SOCK_SEQPACKET {
			return errors.New("this role is started by the supervisor; run gild start-server")
		}
		unix.CloseOnExec(fd)
	}
	return nil
}

// receiveConfig reads the first message, of whatever length.
func receiveConfig(fd int) ([]byte, error) {
	message := make([]byte, maxConfig+1)
	for {
		n, _, err := unix.Recvfrom(fd, message, 0)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, os.NewSyscallError("recv", err)
		case n == 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return message[:n:n], nil
		}
	}
}

// inheritListeners returns the listening sockets: the descriptors from 5 up for as long as they are such.
func inheritListeners() (listeners []*os.File) {
	for fd := listenersFD; ; fd++ {
		listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
		if err != nil || listening == 0 {
			return listeners
		}
		unix.CloseOnExec(fd)
		listeners = append(listeners, os.NewFile(uintptr(fd), fmt.Sprintf("listener %d", fd-listenersFD)))
	}
}

// Ready tells that the application is loaded. Call it once, and not after Failed.
func (p *Parent) Ready() error { return send(p.control, []byte("ready")) }

// Failed tells that the application could not be loaded, and why; the end of text is kept when it is long. The worker then goes on,
// answering errors, until it is told to stop.
func (p *Parent) Failed(text string) error {
	const verb = "failed "
	text = text[max(0, len(text)-maxMessage+len(verb)):]
	return send(p.control, []byte(verb+text))
}

// Orphaned reports, once Stop is closed, whether that is because the supervisor is gone. It may be called from any goroutine.
func (p *Parent) Orphaned() bool { return p.orphaned.Load() }

// listen waits for the supervisor to speak or to die.
func (p *Parent) listen() {
	stopped := false
	listen(p.control, func(message string, open bool) {
		switch {
		case !open:
			p.orphaned.Store(true)
			time.AfterFunc(orphanGrace, func() { os.Exit(orphanStatus) })
		case message != "stop":
			fmt.Fprintf(os.Stderr, "gild: the supervisor said %.40q, which a worker does not know\n", message)
			return
		}
		if !stopped {
			stopped = true
			close(p.stop)
		}
	})
}
