package mpm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	controlFD    = 3
	logFD        = 4
	filesFD      = 5
	orphanGrace  = time.Second // how long a child may take to leave when the supervisor is gone
	orphanStatus = 1           // its exit status when it takes longer
)

// Parent is a child's view of the supervisor.
type Parent struct {
	Config     []byte        // the configuration, as the supervisor sent it
	Files      []*os.File    // Role.Files, in their order; the child's to close
	Group      int           // index of the process group; -1 in a front
	Record     int           // of this process in the arena of its group; -1 without one
	Generation int           // Plan.Generation
	LogFD      int           // the log socket, for logs.NewClient and for C code; blocking, closed on exec
	Messages   <-chan string // what the supervisor says; closed when it is gone

	control  *os.File
	orphaned atomic.Bool
}

// Inherit takes over what the supervisor has given to this process and waits for the configuration. Call it once, early: from
// then on the descriptors are closed on exec, so that what the application starts does not hold the server's sockets.
//
// When the supervisor is gone, however it went, Messages is closed, Orphaned becomes true, and the process is ended a second
// later if it is still there.
func Inherit() (*Parent, error) {
	if err := checkInherited(); err != nil {
		return nil, err
	}
	p, err := receiveFirst(controlFD)
	if err != nil {
		return nil, fmt.Errorf("no configuration from the supervisor: %w", err)
	}
	if err := unix.SetNonblock(controlFD, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	heard, messages := make(chan string), make(chan string)
	p.LogFD, p.Messages, p.control = logFD, messages, os.NewFile(controlFD, "supervisor")
	go p.listen(heard)
	go queue(heard, messages)
	return p, nil
}

// checkInherited says what to do instead when a user runs the role by hand.
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

// receiveFirst reads the first message and takes the files that it announces.
func receiveFirst(fd int) (*Parent, error) {
	message, err := receive(fd)
	if err != nil {
		return nil, err
	}
	e, config, err := unseal(message)
	if err != nil {
		return nil, err
	}
	files, err := inheritFiles(e.Files)
	return &Parent{Config: config, Files: files, Group: e.Group, Record: e.Record, Generation: e.Generation}, err
}

// receive reads one message, of whatever length.
func receive(fd int) ([]byte, error) {
	message := make([]byte, maxEnvelope+maxConfig)
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

// inheritFiles returns the n files from descriptor 5 up. Each is what the supervisor had, blocking or not.
func inheritFiles(n int) (files []*os.File, err error) {
	for i := range n {
		fd := filesFD + i
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("file %d of %d is missing: %w", i+1, n, os.NewSyscallError("fcntl", err))
		}
		files = append(files, os.NewFile(uintptr(fd), fmt.Sprintf("inherited %d", i)))
	}
	return files, nil
}

// Say sends the supervisor one message: a verb and its arguments, see the package. A message too long is cut at its end. It may be called from
// any goroutine. When the supervisor is gone that is an error, which Messages tells too; when it does not read for the moment,
// Say waits.
func (p *Parent) Say(format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	_, err := io.WriteString(p.control, message[:min(len(message), maxMessage)])
	return err
}

// Ready tells that the child can do its work: the application is loaded, or the front could accept connections. Call it once, and not
// after Failed.
func (p *Parent) Ready() error { return p.Say("ready") }

// Failed tells that the application could not be loaded, and why; the end of text is kept when it is long. The child then goes on,
// answering errors, until it is told to go.
func (p *Parent) Failed(text string) error {
	const verb = "failed "
	return p.Say("%s", verb+strings.ToValidUTF8(text[max(0, len(text)-maxMessage+len(verb)):], ""))
}

// Orphaned reports, once Messages is closed, whether that is because the supervisor is gone. It may be called from any goroutine.
func (p *Parent) Orphaned() bool { return p.orphaned.Load() }

// listen waits for the supervisor to speak or to die.
func (p *Parent) listen(heard chan<- string) {
	listen(p.control, func(message string, open bool) {
		if open {
			heard <- message
			return
		}
		p.orphaned.Store(true)
		time.AfterFunc(orphanGrace, func() { os.Exit(orphanStatus) })
		close(heard)
	})
}

// queue passes on from in to out until in is closed, and then closes out. It takes at any time, so that a child which does not listen
// to its supervisor still notices its end.
func queue(in <-chan string, out chan<- string) {
	defer close(out)
	for waiting := []string(nil); in != nil || len(waiting) > 0; {
		var ready chan<- string
		var first string
		if len(waiting) > 0 {
			ready, first = out, waiting[0]
		}
		select {
		case message, open := <-in:
			if !open {
				in = nil
				continue
			}
			waiting = append(waiting, message)
		case ready <- first:
			waiting = waiting[1:]
		}
	}
}
