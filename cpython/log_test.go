package cpython

import (
	"slices"
	"strings"
	"testing"
)

// TestLog: lines written together are one record; what one request leaves of a line is a record at its end; an empty
// write is none.
func TestLog(t *testing.T) {
	for _, application := range applications() {
		testJournal.take()
		a := get(t, application, "log")
		want := []string{"one\ntwo", "half a line", "from print", "no newline", "and the rest"}
		got := testJournal.take()
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("application %d logged %q, want %q", application, got, want)
		}
		if a.body != "[False, '<wsgi.errors>', 'OSError: the log has no file descriptor']" {
			t.Errorf("application %d: the stream says %s", application, a.body)
		}
	}
}

// TestLongLine: a long line comes in pieces, of which none breaks a character.
func TestLongLine(t *testing.T) {
	testJournal.take()
	get(t, inMain, "long_line")
	got := testJournal.take()
	if len(got) < 2 || strings.Join(got, "") != strings.Repeat("é", 50000) {
		t.Errorf("%d records with %d bytes", len(got), len(strings.Join(got, "")))
	}
	for _, piece := range got {
		if strings.ToValidUTF8(piece, "?") != piece {
			t.Errorf("a piece of %d bytes breaks a character", len(piece))
		}
	}
}

func TestStdin(t *testing.T) {
	if a := get(t, inMain, "stdin"); a.body != "OSError: sys.stdin access restricted by mod_wsgi" {
		t.Errorf("reading it comes to %s", a.body)
	}
}
