package cpython

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}

// TestUseAfterTheEnd calls every method of a request that is over.
func TestUseAfterTheEnd(t *testing.T) {
	for _, application := range applications() {
		if a := get(t, application, "keep"); a.body != "kept" {
			t.Fatal(a.String())
		}
		const after = "RuntimeError: %s called on wsgi.input after request completed"
		var want []string
		for _, method := range []string{"read()", "readline()", "readlines()", "next()", "close()"} {
			want = append(want, strings.ReplaceAll(after, "%s", method))
		}
		want = append(want, "RuntimeError: start_response() called after request completed", "RuntimeError: write() called after request completed")
		a := get(t, application, "use_late")
		if got := strings.Split(a.body, "\n"); !slices.Equal(got, want) {
			t.Errorf("application %d:\n%s\nwant\n%s", application, a.body, strings.Join(want, "\n"))
		}
	}
}

// TestThreadsLeftInMethods: threads of the application that wait in read() or write() when the request ends get an
// exception. The slot they wait in is used again before they are asked for.
func TestThreadsLeftInMethods(t *testing.T) {
	for function, want := range map[string]string{
		"leave_readers": "OSError: mod_wsgi request data read error: ",
		"leave_writers": "OSError: mod_wsgi client connection closed",
	} {
		r := begin(t, python(), function, nil) // its body stays open
		r.SetBodyLength(10)
		submit(t, r, inMain)
		for !r.Done() {
			r.Wait()
		}
		r.Release()
		got := strings.Split(get(t, inMain, "late_outcomes").body, "\n")
		if len(got) != 2 || !strings.HasPrefix(got[0], want) || !strings.HasPrefix(got[1], want) {
			t.Errorf("%s: %q, want %q twice", function, got, want)
		}
	}
}

// TestTwoReaders: both threads that wait for the body learn of the one piece that is enough for both.
func TestTwoReaders(t *testing.T) {
	r := begin(t, python(), "two_readers", nil)
	r.SetBodyLength(-1)
	submit(t, r, inMain)
	var a response
	var body strings.Builder
	for body.String() != "asleep" {
		r.Wait()
		readHead(t, r, &a)
		for a.begun && readPiece(t, r, 100, &body) {
		}
	}
	r.CommitInput(copy(r.Input(), "0123456789abcdefghij"))
	for !r.Done() {
		r.Wait()
	}
	for readPiece(t, r, 100, &body) {
	}
	r.Release()
	if want := `asleep["b'0123456789'", "b'abcdefghij'"]`; body.String() != want {
		t.Errorf("the threads read %s, want %s", body.String(), want)
	}
}

func TestTwoWriters(t *testing.T) {
	r := begin(t, python(), "two_writers", nil)
	r.EndInput(Complete)
	submit(t, r, inMain)
	a := read(t, r, 100_003)
	r.Release()
	if a.body != strings.Repeat("x", 2_000_000) || a.end != Complete {
		t.Errorf("%d bytes, end %d", len(a.body), a.end)
	}
}
