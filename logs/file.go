package logs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A place says where the lines of a log go.
type place struct {
	path   string           // absolute; empty = stream
	stream io.Writer        // a terminal or pipe that somebody else opened, which cannot be opened anew
	limit  int64            // bytes of a file after which another is begun, see rotate; 0 = there is one file, called path
	keep   int              // files that are kept then, the newest; 0 = all
	now    func() time.Time // for the names of files
}

// A file is one open log. A write that fails is told once, and once more when writing works again; in between lines are lost
// and counted. The line in whose middle the disk was full is completed then.
type file struct {
	place

	mu     sync.Mutex
	out    io.Writer
	opened *os.File // out, or beneath it, when it was opened here
	name   string   // its path
	size   int64    // bytes in it
	rest   []byte   // the end of a line whose beginning has been written
	lost   int      // lines that were not written since the last good write
	failed bool     // the last write
	stuck  bool     // the last attempt to begin another file failed
}

// openFile opens the log.
func openFile(at place) (*file, error) {
	f := &file{place: at, out: bounded(at.stream)}
	if f.path == "" {
		return f, nil
	}
	if err := f.open(f.nextName()); err != nil {
		return nil, err
	}
	return f, nil
}

// openOther is openFile, unless last goes to the same place.
func openOther(last *file, at place) (*file, error) {
	if last != nil && last.path == at.path && last.stream == at.stream && last.limit == at.limit && last.keep == at.keep {
		return last, nil
	}
	return openFile(at)
}

// bounded keeps writes to w from blocking for ever, where w is something that can.
func bounded(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return &stream{f: f, wait: sendWait}
	}
	return w
}

// open goes on in the file of that name. When it cannot be opened the old one stays in use. The caller holds mu, or is
// the only one who knows f.
func (f *file) open(name string) error {
	out, err := OpenAppend(name)
	if err != nil {
		return fmt.Errorf("cannot open the log file: %w", err)
	}
	info, err := out.Stat()
	if err != nil {
		_ = out.Close()
		return fmt.Errorf("cannot use the log file: %w", err)
	}
	if f.opened != nil {
		_ = f.opened.Close() // nothing to be done about a write that fails this late
	}
	f.out, f.opened, f.name, f.size = out, out, name, info.Size()
	if !info.Mode().IsRegular() {
		f.out, f.size = bounded(out), 0 // a pipe or a terminal after all
	}
	return nil
}

// reopen opens the file anew, after somebody has moved the old one away. When it fails the old file stays in use.
func (f *file) reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.path == "" || f.limit > 0 && f.inPlace() {
		return nil
	}
	if err := f.open(f.nextName()); err != nil {
		return err
	}
	if f.rest != nil {
		f.rest, f.lost = nil, f.lost+1
	}
	return nil
}

// close closes a file; a stream belongs to others.
func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opened == nil {
		return nil
	}
	return f.opened.Close()
}

// news is what a write found out that somebody should be told; the zero value is nothing.
type news struct {
	level Level
	text  string
}

// write appends finished lines.
func (f *file) write(lines []byte) []news {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.rotate()
	if len(f.rest) > 0 {
		lines = append(f.rest[:len(f.rest):len(f.rest)], lines...)
	}
	n, err := f.out.Write(lines)
	f.size += int64(n)
	if err != nil {
		return append(told, f.fail(lines, n, err)...)
	}
	f.rest = nil
	return append(told, f.recover()...)
}

// fail keeps what is missing of a line that has been begun, counts the others, and tells the first failure. The caller holds
// mu.
func (f *file) fail(lines []byte, n int, err error) []news {
	begun, unwritten := n > 0 && lines[n-1] != '\n' || n == 0 && len(f.rest) > 0, lines[n:]
	f.rest = nil
	if end := bytes.IndexByte(unwritten, '\n'); begun && end >= 0 {
		f.rest, unwritten = bytes.Clone(unwritten[:end+1]), unwritten[end+1:]
	}
	f.lost += bytes.Count(unwritten, []byte{'\n'})
	if f.failed {
		return nil
	}
	f.failed = true
	return []news{{Error, fmt.Sprintf("Cannot write to %s: %v; serving goes on without it.", f.what(), err)}}
}

// recover tells that writing works again. The caller holds mu.
func (f *file) recover() []news {
	if !f.failed {
		return nil
	}
	lost := f.lost
	f.failed, f.lost = false, 0
	return []news{{Warn, fmt.Sprintf("%s takes data again; %d lines were lost.", f.what(), lost)}}
}

// what is how a log is called.
func (f *file) what() string {
	if f.path == "" {
		return "the log on the terminal"
	}
	return "the log file " + f.name
}
