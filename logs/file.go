package logs

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// A file is one open log: a file that is appended to, or a stream (terminal, pipe) that somebody else opened. A write that
// fails is told once, on complaints, and once more when writing works again; in between everything is lost but the count.
type file struct {
	path       string // empty = a stream, which cannot be reopened
	complaints io.Writer

	mu   sync.Mutex
	out  io.Writer
	own  io.Closer // out when it was opened here, otherwise nil
	lost int       // writes that failed since the last good one
	torn bool      // the last good bytes were the beginning of a line
}

// openFile opens the log at path for appending, or takes stream when there is no path.
func openFile(path string, stream, complaints io.Writer) (*file, error) {
	f := &file{path: path, out: bounded(stream), complaints: bounded(complaints)}
	return f, f.reopen()
}

// bounded keeps writes to w from blocking for ever, where w is something that can.
func bounded(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return &stream{f: f, wait: sendWait}
	}
	return w
}

// reopen opens the path anew, after logrotate has moved the old file away. When it fails the old file stays in use.
func (f *file) reopen() error {
	if f.path == "" {
		return nil
	}
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot open the log file: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.own != nil {
		_ = f.own.Close() // nothing to be done about a write that fails this late
	}
	f.out, f.own, f.torn = out, out, false
	return nil
}

// close closes a file; a stream belongs to others.
func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.own == nil {
		return nil
	}
	return f.own.Close()
}

// write appends finished lines.
func (f *file) write(lines []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.torn {
		lines = append([]byte{'\n'}, lines...)
	}
	n, err := f.out.Write(lines)
	if n > 0 {
		f.torn = err != nil
	}
	switch {
	case err != nil:
		f.failed(err)
	case f.lost > 0:
		f.recovered()
	}
}

// failed counts a failure and tells the first. The caller holds mu.
func (f *file) failed(err error) {
	f.lost++
	if f.lost == 1 {
		fmt.Fprintf(f.complaints, "gild: cannot write to %s: %v; serving goes on without it\n", f.name(), err)
	}
}

// recovered tells that writing works again. The caller holds mu.
func (f *file) recovered() {
	fmt.Fprintf(f.complaints, "gild: %s takes data again; %d writes were lost\n", f.name(), f.lost)
	f.lost = 0
}

// name is what a complaint calls the log.
func (f *file) name() string {
	if f.path == "" {
		return "the log on the terminal"
	}
	return "the log file " + f.path
}
