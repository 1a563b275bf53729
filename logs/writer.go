package logs

import (
	"errors"
	"io"
	"os"
)

// Options say where a [Writer] writes and what.
type Options struct {
	ErrorLog    string       // absolute path of the error log; empty = Stderr
	AccessLog   string       // absolute path of the access log; empty or "-" = Stdout
	Level       Level        // the error log keeps this level and the more severe ones; the zero value keeps emerg only
	ErrorFormat *ErrorFormat // nil = the default
	Stdout      io.Writer    // nil = os.Stdout; never closed
	Stderr      io.Writer    // nil = os.Stderr; never closed; also told when a log cannot be written
}

// A Writer owns the log files. All its methods may be called from any goroutine.
type Writer struct {
	level  Level
	format *ErrorFormat
	pid    int
	errors *file
	access *file
}

var _ Logger = (*Writer)(nil)

// OpenWriter opens the files of o, creating them with mode 0644 where they are missing; directories it does not create.
func OpenWriter(o Options) (*Writer, error) {
	o = o.withDefaults()
	w := &Writer{level: o.Level, format: o.ErrorFormat, pid: os.Getpid()}
	var err error
	if w.errors, err = openFile(o.ErrorLog, o.Stderr, o.Stderr); err != nil {
		return nil, err
	}
	if w.access, err = openFile(o.AccessLog, o.Stdout, o.Stderr); err != nil {
		_ = w.errors.close()
		return nil, err
	}
	return w, nil
}

// withDefaults fills in what zero means.
func (o Options) withDefaults() Options {
	if o.AccessLog == "-" {
		o.AccessLog = ""
	}
	if o.ErrorFormat == nil {
		o.ErrorFormat, _ = ParseErrorFormat("")
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return o
}

// Enabled implements [Logger].
func (w *Writer) Enabled(level Level) bool { return level <= w.level }

// Log implements [Logger].
func (w *Writer) Log(r Record) {
	if !w.Enabled(r.Level) {
		return
	}
	r.complete(w.pid)
	if lines := w.format.Append(make([]byte, 0, len(r.Message)+128), &r); len(lines) > 0 {
		w.errors.write(lines)
	}
}

// Access appends finished access-log lines, each with its '\n'.
func (w *Writer) Access(lines []byte) { w.access.write(lines) }

// Serve writes what arrives on the log socket of one worker until its last copy is closed, and then closes conn. It returns nil
// at end of file. Run one goroutine per worker; a frame that is none is reported once and dropped.
func (w *Writer) Serve(conn *os.File) error {
	defer conn.Close()
	reported := false
	for datagram := make([]byte, MaxFrame+1); ; {
		n, err := conn.Read(datagram)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.frame(datagram[:n]); err != nil && !reported {
			reported = true
			Printf(w, Error, "core", "A worker sent what is no log frame: %v; dropped, as all others like it will be.", err)
		}
	}
}

// frame writes one datagram.
func (w *Writer) frame(datagram []byte) error {
	f, err := ParseFrame(datagram)
	if err != nil {
		return err
	}
	if f.Kind == KindAccess {
		w.Access([]byte(f.Message))
		return nil
	}
	w.Log(f.Record)
	return nil
}

// Reopen opens both files anew under their names, for logrotate. A file that cannot be opened stays as it was, and the error says
// so.
func (w *Writer) Reopen() error {
	return errors.Join(w.errors.reopen(), w.access.reopen())
}

// Close closes the files. Nothing may be logged after it.
func (w *Writer) Close() error {
	return errors.Join(w.errors.close(), w.access.close())
}
