package mpm

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendBuffer is what the control socket takes before the child reads, as far as the system allows it: a front is told of each
// process while it starts.
const sendBuffer = 1 << 20

// ends are the descriptors that connect the supervisor with one child.
type ends struct {
	ours   []*os.File // control, log socket, read end of the output pipe
	theirs []*os.File // what the child gets as 0 to 4
}

// closeAll closes a list of files.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// startChild executes a child, sends it the first message and starts the goroutines that read from it, which readers
// counts. hear is called from one of them, in order; the last call has open false.
func startChild(o *Options, r *Role, first []byte, readers *sync.WaitGroup, hear func(message string, open bool)) (process, error) {
	e, err := newEnds()
	defer func() { closeAll(e.theirs) }()
	if err != nil {
		closeAll(e.ours)
		return process{}, err
	}
	control, logSocket, output := e.ours[0], e.ours[1], e.ours[2]
	pid, err := execute(o.Executable, r, e.theirs)
	if err != nil {
		closeAll(e.ours)
		return process{}, err
	}
	if err := send(control, first); err != nil {
		closeAll(e.ours)
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return process{}, fmt.Errorf("sending the configuration: %w", err)
	}
	readers.Go(func() { listen(control, hear) })
	readers.Go(func() { _ = o.ServeLog(logSocket) })
	readers.Go(func() { logLines(output, o.Log, pid) })
	return process{
		pid:   pid,
		send:  func(message string) error { return send(control, []byte(message)) },
		close: func() { _ = control.Close() },
	}, nil
}

// newEnds makes the descriptors; after an error it returns those that it had made.
func newEnds() (e ends, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return e, err
	}
	e.theirs = append(e.theirs, null)
	r, w, err := os.Pipe()
	if err != nil {
		return e, err
	}
	e.theirs = append(e.theirs, w, w)
	for range 2 {
		ours, theirs, err := socketPair()
		if err != nil {
			_ = r.Close()
			return e, err
		}
		e.ours, e.theirs = append(e.ours, ours), append(e.theirs, theirs)
	}
	e.ours = append(e.ours, r)
	return e, nil
}

// socketPair returns a pair of packet sockets. Ours is non-blocking and so waits in Go's poller; theirs is blocking.
func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	_ = unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	return os.NewFile(uintptr(fds[0]), "child"), os.NewFile(uintptr(fds[1]), "supervisor"), nil
}

// execute starts the process. It goes into a process group of its own, so that Ctrl-C on a terminal reaches the supervisor
// only, which then stops the children in order.
func execute(executable string, r *Role, files []*os.File) (pid int, err error) {
	var fds []uintptr
	for _, f := range slices.Concat(files, r.Files) {
		fd, err := descriptor(f)
		if err != nil {
			return 0, err
		}
		fds = append(fds, fd)
	}
	pid, err = syscall.ForkExec(executable, r.Args, &syscall.ProcAttr{
		Dir: r.Dir, Env: lastWins(r.Env), Files: fds,
		Sys: &syscall.SysProcAttr{Setpgid: true, Credential: r.Credential},
	})
	if err != nil {
		return 0, fmt.Errorf("executing %s: %w", executable, err)
	}
	return pid, nil
}

// descriptor is f.Fd without its side effect: Fd would make a listener that running children share blocking for all.
func descriptor(f *os.File) (fd uintptr, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	return fd, conn.Control(func(n uintptr) { fd = n })
}

// send sends one message, or fails at once when the socket takes none.
func send(f *os.File, message []byte) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = conn.Control(func(fd uintptr) {
		sent = ignoringEINTR(func() error { return unix.Send(int(fd), message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) })
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("send", sent)
}

// ignoringEINTR calls f until it was not interrupted.
func ignoringEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// listen passes on the messages that arrive on a control socket, and finally its end.
func listen(control *os.File, hear func(message string, open bool)) {
	for buffer := make([]byte, maxMessage); ; {
		n, err := control.Read(buffer)
		if err != nil {
			hear("", false)
			return
		}
		hear(string(buffer[:n]), true)
	}
}
