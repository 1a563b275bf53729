package cgi

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// TestSpool: a body comes back whole, however long it is, and leaves no file behind.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for _, length := range []int{0, 1, SpoolMemory - 1, SpoolMemory, SpoolMemory + 1, 3 * SpoolMemory} {
		text := strings.Repeat("x", length)
		s, err := Spool(iotest.HalfReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(s)
		if err != nil || string(got) != text || s.Length != int64(length) {
			t.Errorf("%d bytes: got %d, said to be %d, %v", length, len(got), s.Length, err)
		}
		if files, _ := os.ReadDir(dir); len(files) > 0 {
			t.Errorf("%d bytes: the file has a name: %v", length, files)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSpoolFails: an error of the body is the error, and leaves no file behind.
func TestSpoolFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	gone := errors.New("the client has left")
	for _, length := range []int{10, 2 * SpoolMemory} {
		_, err := Spool(io.MultiReader(strings.NewReader(strings.Repeat("x", length)), iotest.ErrReader(gone)))
		if err != gone {
			t.Errorf("after %d bytes: got %v", length, err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) > 0 {
		t.Errorf("files are left: %v", files)
	}
	t.Setenv("TMPDIR", dir+"/nowhere")
	if _, err := Spool(strings.NewReader(strings.Repeat("x", 2*SpoolMemory))); err == nil {
		t.Error("a body is kept where there is no directory")
	}
}

// TestLines: pieces of text become lines, and a line that does not end is cut.
func TestLines(t *testing.T) {
	var lines []string
	w := &lineWriter{line: func(line string) { lines = append(lines, line) }}
	for _, piece := range []string{"on", "e\ntwo\r\n\n", "three", "\n" + strings.Repeat("x", maxMessage+10), " and the end  "} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.finish()
	want := []string{"one", "two", "three", strings.Repeat("x", maxMessage), strings.Repeat("x", 10) + " and the end"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("got %q", lines)
	}
}
