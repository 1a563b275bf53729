package logs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
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
	w, err := OpenWriter(Options{ErrorLog: errorLog, AccessLog: accessLog, Level: Warn, ErrorFormat: plainFormat(t)})
	if err != nil {
		t.Fatal(err)
	}
	fd, supervisor := packetPair(t)
	done := make(chan error)
	go func() { done <- w.Serve(supervisor) }()
	c := NewClient(fd, Debug)
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
	w, err := OpenWriter(Options{AccessLog: "-", Level: Notice, ErrorFormat: plainFormat(t), Stdout: &out, Stderr: &errs})
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
	w, err := OpenWriter(Options{Level: Warn, ErrorFormat: plainFormat(t), Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	fd, supervisor := packetPair(t)
	for _, datagram := range []string{"x", strings.Repeat("y", MaxFrame+100), "z"} {
		if err := unix.Send(fd, []byte(datagram), 0); err != nil {
			t.Fatal(err)
		}
	}
	c := NewClient(fd, Warn)
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

// A full disk is told once, loses what it loses, and the first line after it begins on a line of its own.
func TestWriterFullDisk(t *testing.T) {
	disk, errs := &faulty{room: 14}, &bytes.Buffer{}
	w, err := OpenWriter(Options{Stdout: disk, Stderr: errs})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"line one\n", "line two\n", "line three\n"} {
		w.Access([]byte(line))
	}
	if strings.Count(errs.String(), "no space left on device") != 1 {
		t.Errorf("stderr %q", errs)
	}
	disk.room = 1000
	w.Access([]byte("line four\n"))
	w.Access([]byte("line five\n"))
	if got, want := disk.String(), "line one\nline \nline four\nline five\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if !strings.HasSuffix(errs.String(), "takes data again; 2 writes were lost\n") {
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
	if got := errs.String(); strings.Count(got, "cannot write") != 1 {
		t.Errorf("stderr %q", got)
	}
}
