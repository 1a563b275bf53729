package logs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Options say where a [Writer] writes and what.
type Options struct {
	ErrorLog    string       // absolute path of the error log; empty = Stderr
	AccessLog   string       // absolute path of the access log; empty or "-" = Stdout
	Levels      Levels       // what the error log keeps
	ErrorFormat *ErrorFormat // nil = the default
	Rotate      int64        // bytes after which a file is followed by another, named after the time; 0 = one file for ever. Streams are not rotated
	Keep        int          // files of each log that stay when another is begun, the newest; 0 = all
	Stdout      io.Writer    // nil = os.Stdout; never closed
	Stderr      io.Writer    // nil = os.Stderr; never closed; also told when a log cannot be written

	now func() time.Time // nil = time.Now; for tests
}

// A Writer owns the log files. All its methods may be called from any goroutine.
type Writer struct {
	pid int
	mu  sync.RWMutex // held by everybody who writes, and by Configure alone
	outputs
}

// outputs are what a Writer writes to, and what.
type outputs struct {
	levels Levels
	most   Level // of levels
	format *ErrorFormat
	stderr io.Writer // bounded
	errors *file
	access *file
}

var _ Logger = (*Writer)(nil)

// OpenWriter opens the files of o, creating them with mode 0644 where they are missing; directories it does not create. Links in
// directories of other users are not followed, see [OpenAppend].
func OpenWriter(o Options) (*Writer, error) {
	made, err := o.withDefaults().open(&outputs{})
	if err != nil {
		return nil, err
	}
	return &Writer{pid: os.Getpid(), outputs: made}, nil
}

// Configure goes on with other options. What is being written meanwhile goes to the one or the other, and nothing is lost. With an
// error all stays as it was.
func (w *Writer) Configure(o Options) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.outputs
	next, err := o.withDefaults().open(&before)
	if err != nil {
		return err
	}
	w.outputs = next
	return before.close(&next)
}

// open opens the files, but for those that are open already.
func (o Options) open(before *outputs) (outputs, error) {
	made := outputs{levels: o.Levels, most: o.Levels.most(), format: o.ErrorFormat, stderr: bounded(o.Stderr)}
	var err error
	if made.errors, err = openOther(before.errors, o.place(o.ErrorLog, o.Stderr)); err != nil {
		return outputs{}, err
	}
	if made.access, err = openOther(before.access, o.place(o.AccessLog, o.Stdout)); err != nil {
		return outputs{}, errors.Join(err, made.close(before))
	}
	return made, nil
}

// close closes the files that are not among those of another.
func (out *outputs) close(but *outputs) (err error) {
	if out.errors != but.errors {
		err = out.errors.close()
	}
	if out.access != nil && out.access != but.access {
		err = errors.Join(err, out.access.close())
	}
	return err
}

// place is where a log goes.
func (o Options) place(path string, stream io.Writer) place {
	at := place{path: path, stream: stream, now: o.now}
	if !isSpecial(path) {
		at.limit, at.keep = o.Rotate, o.Keep
	}
	return at
}

// isSpecial reports whether a log is no file: a terminal, a pipe, a device. There is nothing to rotate then.
func isSpecial(path string) bool {
	info, err := os.Stat(path)
	return path == "" || err == nil && !info.Mode().IsRegular()
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
	if o.now == nil {
		o.now = time.Now
	}
	return o
}

// Enabled implements [Logger].
func (w *Writer) Enabled(level Level) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return enabled(level, w.most)
}

// Log implements [Logger].
func (w *Writer) Log(r Record) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.levels.keeps(&r) {
		w.tell(w.errors, w.record(r))
	}
}

// record writes a record that is to be kept. The caller holds mu, here and in tell.
func (w *Writer) record(r Record) []news {
	r.complete(w.pid)
	lines := w.format.Append(make([]byte, 0, len(r.Message)+128), &r)
	if len(lines) == 0 {
		return nil
	}
	return w.errors.write(lines)
}

// Access appends finished access-log lines, each with its '\n'.
func (w *Writer) Access(lines []byte) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	w.tell(w.access, w.access.write(lines))
}

// tell tells on standard error what has become of a log, and in the error log, unless that is the one, or is standard error.
func (w *Writer) tell(about *file, all []news) {
	for _, n := range all {
		fmt.Fprintf(w.stderr, "gild: %s\n", n.text)
		if w.errors.path != "" && (about != w.errors || n.level != Error) {
			w.tell(w.errors, w.record(Record{Level: n.level, Module: "core", Message: n.text}))
		}
	}
}

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
	if lines, ok := accessLines(datagram); ok {
		w.Access(lines)
		return nil
	}
	f, err := ParseFrame(datagram)
	if err != nil {
		return err
	}
	w.Log(f.Record)
	return nil
}

// Reopen opens both files anew under their names, for logrotate; with Rotate only those that are not in their place any more. A
// file that cannot be opened stays as it was, and the error says so.
func (w *Writer) Reopen() error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return errors.Join(w.errors.reopen(), w.access.reopen())
}

// Close closes the files. Nothing may be logged after it.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outputs.close(&outputs{})
}
