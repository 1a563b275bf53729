package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// plainFormat is an error format without times and numbers.
func plainFormat(t *testing.T) *ErrorFormat {
	t.Helper()
	f, err := ParseErrorFormat(`[%m:%l] [client\ %a] %M`)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// content reads a file.
func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriterFiles(t *testing.T) {
	dir := t.TempDir()
	errorLog, accessLog := filepath.Join(dir, "error_log"), filepath.Join(dir, "access_log")
	if err := os.WriteFile(errorLog, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWriter(Options{ErrorLog: errorLog, AccessLog: accessLog, Levels: Levels{Level: Warn}, ErrorFormat: plainFormat(t)})
	if err != nil {
		t.Fatal(err)
	}
	fd, supervisor := packetPair(t)
	done := make(chan error)
	go func() { done <- w.Serve(supervisor) }()
	c := NewClient(fd, Levels{Level: Debug})
	c.Log(Record{Level: Error, Module: "wsgi", Client: "192.0.2.7:1", Message: "one\ntwo\n"})
	c.Log(Record{Level: Debug, Module: "wsgi", Message: "below the writer's level"})
	c.Access([]byte("GET /\n"))
	c.Close()
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, errorLog), "old\n[wsgi:error] [client 192.0.2.7:1] one\n[wsgi:error] [client 192.0.2.7:1] two\n"; got != want {
		t.Errorf("error log %q, want %q", got, want)
	}
	if got := content(t, accessLog); got != "GET /\n" {
		t.Errorf("access log %q", got)
	}
	if info, _ := os.Stat(accessLog); info.Mode().Perm()&^0o644 != 0 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestWriterStreams(t *testing.T) {
	var out, errs bytes.Buffer
	w, err := OpenWriter(Options{AccessLog: "-", Levels: Levels{Level: Notice}, ErrorFormat: plainFormat(t), Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	w.Log(Record{Level: Notice, Module: "mpm", Message: "ready"})
	w.Log(Record{Level: Info, Module: "mpm", Message: "not kept"})
	w.Access([]byte("GET /\n"))
	if err := errors.Join(w.Reopen(), w.Close()); err != nil {
		t.Error(err)
	}
	if out.String() != "GET /\n" || errs.String() != "[mpm:notice] ready\n" {
		t.Errorf("stdout %q, stderr %q", out.String(), errs.String())
	}
}

func TestWriterReopen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log", "error_log")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := OpenWriter(Options{ErrorLog: path, ErrorFormat: plainFormat(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Log(Record{Message: "before"})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	w.Log(Record{Message: "between"})
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.Log(Record{Message: "after"})
	if old, now := content(t, path+".1"), content(t, path); !strings.HasSuffix(old, "between\n") || !strings.HasSuffix(now, "after\n") {
		t.Errorf("old %q, new %q", old, now)
	}
	// When the directory is gone the old file stays in use.
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(); err == nil {
		t.Error("Reopen in a missing directory succeeded")
	}
	w.Log(Record{Message: "still alive"})
}

// Other options take over without a stop: other files, levels and formats. A file that stays is not opened again, and with an
// error all goes on.
func TestWriterConfigure(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	o := Options{ErrorLog: at("errors"), AccessLog: at("accesses"), Levels: Levels{Level: Warn}, ErrorFormat: plainFormat(t)}
	w, err := OpenWriter(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at("errors"), at("moved")); err != nil {
		t.Fatal(err)
	}
	o.Levels, o.AccessLog = Levels{Level: Info}, at("other")
	if err := w.Configure(o); err != nil {
		t.Fatal(err)
	}
	w.Log(Record{Level: Info, Module: "core", Message: "kept"})
	w.Access([]byte("GET /\n"))
	missing := o
	missing.ErrorLog, missing.AccessLog = at("new"), at("missing/log")
	if err := w.Configure(missing); err == nil {
		t.Error("a log in a missing directory was opened")
	}
	w.Log(Record{Level: Info, Module: "core", Message: "still"})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"moved": "[core:info] kept\n[core:info] still\n", "accesses": "", "other": "GET /\n"} {
		if got := content(t, at(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestOpenWriterRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "log")
	for _, o := range []Options{{ErrorLog: missing}, {AccessLog: missing}} {
		if _, err := OpenWriter(o); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestWriterReportsBadFramesOnce(t *testing.T) {
	var errs bytes.Buffer
	w, err := OpenWriter(Options{Levels: Levels{Level: Warn}, ErrorFormat: plainFormat(t), Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	fd, supervisor := packetPair(t)
	for _, datagram := range []string{"x", strings.Repeat("y", MaxFrame+100), "z"} {
		if err := unix.Send(fd, []byte(datagram), 0); err != nil {
			t.Fatal(err)
		}
	}
	c := NewClient(fd, Levels{Level: Warn})
	c.Log(Record{Level: Warn, Module: "core", Message: "good"})
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	if err := w.Serve(supervisor); err != nil {
		t.Fatal(err)
	}
	if got := errs.String(); strings.Count(got, "no log frame") != 1 || !strings.HasSuffix(got, "[core:warn] good\n") {
		t.Errorf("got %q", got)
	}
}

// faulty is a disk: writes beyond its room fail, after taking what fits.
type faulty struct {
	bytes.Buffer
	room int
}

func (f *faulty) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	f.Buffer.Write(b[:n])
	if n < len(b) {
		return n, unix.ENOSPC
	}
	return n, nil
}

// A full disk is told once, loses what it loses, and counts it. The line that it has cut in two is whole afterwards.
func TestWriterFullDisk(t *testing.T) {
	disk, errs := &faulty{room: 14}, &bytes.Buffer{}
	w, err := OpenWriter(Options{Stdout: disk, Stderr: errs})
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range []string{"line one\n", "line two\nline three\n", "line four\n", "line five\n"} {
		w.Access([]byte(lines))
	}
	if strings.Count(errs.String(), "no space left on device") != 1 {
		t.Errorf("stderr %q", errs)
	}
	disk.room = 2 // not enough for the rest of line two
	w.Access([]byte("line six\n"))
	disk.room = 1000
	w.Access([]byte("line seven\n"))
	w.Access([]byte("line eight\n"))
	if got, want := disk.String(), "line one\nline two\nline seven\nline eight\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if !strings.HasSuffix(errs.String(), "takes data again; 4 lines were lost.\n") {
		t.Errorf("stderr %q", errs)
	}
}

// The same with the kernel's own full disk, whose open succeeds.
func TestWriterDevFull(t *testing.T) {
	var errs bytes.Buffer
	w, err := OpenWriter(Options{ErrorLog: "/dev/full", Stderr: &errs})
	if err != nil {
		t.Skip(err)
	}
	defer w.Close()
	w.Log(Record{Message: "lost"})
	w.Log(Record{Message: "lost too"})
	if got := errs.String(); strings.Count(got, "Cannot write") != 1 {
		t.Errorf("stderr %q", got)
	}
}

// BenchmarkWriterAccess is a line of the access log in the supervisor: it comes in a frame with many others.
func BenchmarkWriterAccess(b *testing.B) {
	w, err := OpenWriter(Options{AccessLog: filepath.Join(b.TempDir(), "log"), Rotate: 64 << 20, Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	line := strings.Repeat("x", 99) + "\n"
	lines := flushSize / len(line)
	frame, err := AppendFrame(nil, &Frame{Kind: KindAccess, Record: Record{Message: strings.Repeat(line, lines)}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%lines != 0 {
			continue
		}
		if err := w.frame(frame); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriterRecord is a record of the error log there.
func BenchmarkWriterRecord(b *testing.B) {
	w, err := OpenWriter(Options{ErrorLog: filepath.Join(b.TempDir(), "log"), Levels: Levels{Level: Warn}, Rotate: 64 << 20, Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	frame, err := AppendFrame(nil, &Frame{Kind: KindError, Record: event})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.frame(frame); err != nil {
			b.Fatal(err)
		}
	}
}

// Two logs that fail at once are both told on standard error. The race detector has something to say about it.
func TestWriterTellsTwice(t *testing.T) {
	r, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w, err := OpenWriter(Options{ErrorLog: "/dev/full", AccessLog: "/dev/full", Levels: Levels{Level: Warn}, Stderr: stderr})
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Go(func() { w.Access([]byte("GET /\n")) })
	both.Go(func() { w.Log(Record{Level: Error, Message: "something happened"}) })
	both.Wait()
	_ = w.Close()
	_ = stderr.Close()
	told, err := io.ReadAll(r)
	if n := bytes.Count(told, []byte("Cannot write to the log file /dev/full")); err != nil || n != 2 {
		t.Errorf("told %d times, %v: %q", n, err, told)
	}
}
