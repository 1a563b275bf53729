package cpython

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// send brings a body into the window, at most piece bytes at a time, as package scripts does: when there is room.
func send(r *Request, body string, piece int, end End) {
	for body != "" {
		space := r.Input()
		if len(space) == 0 {
			if !r.WaitInput(false) {
				return
			}
			continue
		}
		n := copy(space[:min(len(space), piece)], body)
		r.CommitInput(n)
		body = body[n:]
	}
	r.EndInput(end)
}

// post makes a request with a body that comes while the application runs, and returns the response.
func post(t *testing.T, application int, function, body string, piece int, more ...string) response {
	t.Helper()
	r := begin(t, python(), function, more)
	r.SetBodyLength(-1)
	sent := make(chan struct{})
	submit(t, r, application)
	go func() {
		defer close(sent)
		send(r, body, piece, Complete)
	}()
	a := read(t, r, piece)
	<-sent
	r.Release()
	return a
}

// TestEcho carries bodies around both windows, in pieces that fit them and in pieces that do not.
func TestEcho(t *testing.T) {
	for _, size := range []int{0, 1, InputSize - 1, InputSize, InputSize + 1, 1_000_003} {
		body := pattern(size)
		for _, piece := range []int{1 << 20, InputSize - 1, 4093} {
			for _, readSize := range []int{-1, 1 << 20, 65537, 1009} {
				a := post(t, inMain, "echo", body, piece, "SIZE", fmt.Sprint(readSize))
				if a.body != body || a.end != Complete {
					t.Errorf("%d bytes in pieces of %d, read by %d: %d bytes came back, the same: %v, end %d",
						size, piece, readSize, len(a.body), a.body == body, a.end)
				}
			}
		}
	}
}

func TestEchoLines(t *testing.T) {
	var b strings.Builder
	dice := rand.New(rand.NewPCG(1, 2))
	for b.Len() < 500_000 {
		b.WriteString(strings.Repeat("x", dice.IntN(20)*dice.IntN(2000)) + "\n")
	}
	body := b.String() + "no newline at the end"
	if a := post(t, inSecond, "echo_lines", body, 5003); a.body != body {
		t.Errorf("%d of %d bytes came back", len(a.body), len(body))
	}
}

// TestInputMethods compares wsgi.input with io.BytesIO, call by call.
func TestInputMethods(t *testing.T) {
	for seed := range uint64(30) {
		dice := rand.New(rand.NewPCG(seed, 0))
		var b strings.Builder
		for b.Len() < dice.IntN(100_000) {
			b.WriteString(strings.Repeat("x", dice.IntN(200)*dice.IntN(10)) + "\n")
		}
		a := post(t, inMain, "like_bytesio", b.String(), 1+dice.IntN(20_000), "BODY", b.String(), "SEED", fmt.Sprint(seed))
		if !a.begun || a.body != "" {
			t.Errorf("seed %d: %v", seed, a.String())
		}
	}
}

// TestInputEnds are the ways in which a body ends badly: what came before can be read, then it is an OSError for ever.
func TestInputEnds(t *testing.T) {
	const again = "OSError: mod_wsgi request data read error: wsgi.input is already in error state"
	for end, why := range map[End]string{
		Torn:     "the client closed the connection before the end of the body",
		TimedOut: "the client was too slow",
		TooLarge: "the body is larger than LimitRequestBody",
	} {
		for _, before := range []string{"", "some"} {
			r := begin(t, python(), "failing_reads", nil)
			r.SetBodyLength(10)
			send(r, before, 10, end)
			submit(t, r, inMain)
			a := read(t, r, 1<<20)
			r.Release()
			want := []string{"OSError: mod_wsgi request data read error: " + why, again, again}
			if got := strings.Split(a.body, "\n"); !slices.Equal(got, want) {
				t.Errorf("end %d after %q: %q, want %q", end, before, got, want)
			}
		}
	}
}

// TestFirstRead is what 100-continue stands on: the front learns that the application wants the body.
func TestFirstRead(t *testing.T) {
	for function, wants := range map[string]bool{"read_all": true, "hello": false} {
		r := begin(t, python(), function, nil)
		r.SetBodyLength(5)
		wanted := make(chan bool)
		go func() {
			w := r.WaitInput(true)
			if w {
				send(r, "12345", 5, Complete)
			}
			wanted <- w
		}()
		submit(t, r, inMain)
		a := read(t, r, 1<<20)
		if got := <-wanted; got != wants {
			t.Errorf("%s: the body is wanted: %v", function, got)
		}
		if wants && a.body != "12345" {
			t.Errorf("%s: %v", function, a.String())
		}
		r.Release()
	}
}

// ---- the response ---------------------------------------------------------------

// TestOutput sends bodies in pieces of all sizes through the window, read in pieces of other sizes.
func TestOutput(t *testing.T) {
	sizes := [][]int{{0}, {1, 0, 2}, {OutputSize}, {OutputSize + 1, 1}, {777_777}, slices.Repeat([]int{1009}, 900), {5, 300_000, 0, 7, 400_000}}
	for _, function := range []string{"pieces", "written"} {
		for _, list := range sizes {
			text, _ := json.Marshal(list)
			total := 0
			for _, n := range list {
				total += n
			}
			for _, piece := range []int{1 << 20, 99_991, 8191} {
				r := begin(t, python(), function, environ{"SIZES", string(text)})
				r.EndInput(Complete)
				submit(t, r, inMain)
				a := read(t, r, piece)
				r.Release()
				if a.body != pattern(total) || a.end != Complete || !a.begun {
					t.Errorf("%s %.40s read by %d: %d bytes of %d, end %d", function, text, piece, len(a.body), total, a.end)
				}
			}
		}
	}
}

// TestBlocksAreSeen: each block that the application yields can be read before it makes the next one.
func TestBlocksAreSeen(t *testing.T) {
	r := begin(t, python(), "step", nil)
	r.EndInput(Complete)
	submit(t, r, inMain)
	var a response
	var body strings.Builder
	for _, want := range []string{"one", "onetwo"} {
		for body.String() != want {
			readHead(t, r, &a)
			if !a.begun || !readPiece(t, r, 100, &body) {
				r.Wait()
			}
		}
		if r.Done() {
			t.Fatalf("it is done after %q", body.String())
		}
		if _, known := r.BodyLength(); known {
			t.Errorf("the length of the body is known after %q", body.String())
		}
		get(t, inMain, "set_event", "EVENT", "step "+want[len(want)-3:])
	}
	for !r.Done() {
		r.Wait()
	}
	if n, known := r.BodyLength(); !known || n != int64(len("three")) {
		t.Errorf("%d bytes are left at the end (known: %v)", n, known)
	}
	r.Release()
}

// TestContentLength: the front never gets more than the application declared.
func TestContentLength(t *testing.T) {
	for length, want := range map[string]string{"5": "01234", "10": "0123456789", "15": "012345678901234", "20": "01234567890123456789", "30": "01234567890123456789", "0": ""} {
		if a := get(t, inMain, "declared", "LENGTH", length); a.body != want || a.end != Complete {
			t.Errorf("%s declared: %v", length, a.String())
		}
	}
}

// TestNoBody: HEAD, 204 and 304 have a head only, whatever the application returns.
func TestNoBody(t *testing.T) {
	for _, status := range []string{"204 No Content", "304 Not Modified"} {
		if a := get(t, inMain, "status", "STATUS", status); a.body != "" || !a.begun || a.end != Complete {
			t.Errorf("%s: %v", status, a.String())
		}
	}
	for _, function := range []string{"pieces", "written", "file"} {
		r := begin(t, python(), function, environ{"SIZES", "[500000, 1]", "SIZE", "10", "OFFSET", "0"})
		r.EndInput(Complete)
		if err := r.Submit(t.Context(), inMain, NoBody, r.pool.clock.origin, nil); err != nil {
			t.Fatal(err)
		}
		if a := read(t, r, 1000); a.body != "" || a.file != nil || !a.begun || a.end != Complete {
			t.Errorf("HEAD of %s: %v", function, a.String())
		}
		r.Release()
	}
}

// TestTorn are applications that fail, and what the front and the log get.
func TestTorn(t *testing.T) {
	for _, c := range []struct {
		function, body, error, log string
		begun                      bool
	}{
		{"raises_before", "", "ValueError", "ValueError exception raised processing WSGI script 'main.wsgi' for main interpreter", false},
		{"raises_after", "some", "ValueError", "ValueError: after the head", true},
		{"wrong_item", "some", "TypeError", "TypeError: response iterable must yield bytes, not str", true},
		{"nothing", "", "RuntimeError", "RuntimeError: start_response() must be called before response content is produced", false},
		{"no_such_function", "", "KeyError", "KeyError: 'no_such_function'", false},
	} {
		testJournal.take()
		a := get(t, inMain, c.function)
		if a.begun != c.begun || a.body != c.body || a.end != Torn {
			t.Errorf("%s: %v, begun: %v", c.function, a.String(), a.begun)
		}
		if log := testJournal.take(); len(log) != 1 || !strings.Contains(log[0], c.log) || !strings.Contains(log[0], "\n"+c.error+": ") {
			t.Errorf("%s logged %q", c.function, log)
		}
	}
}

// TestClientGone: the application is told on write(), its iteration ends, and close() is called once.
func TestClientGone(t *testing.T) {
	for _, c := range []struct{ function, name, want string }{
		{"endless", "endless", "1"},
		{"endless_write", "endless_write", "mod_wsgi client connection closed"},
		{"endless", "endless", "1"},
		{"hello", "endless_write closed", "1"}, // of the second
	} {
		testJournal.take()
		r := begin(t, python(), c.function, nil)
		r.EndInput(Complete)
		submit(t, r, inMain)
		for r.slot.output_written == 0 {
			r.Wait()
		}
		r.ClientGone()
		for !r.Done() {
			r.Wait()
		}
		r.Release()
		if log := strings.Join(testJournal.take(), "\n"); strings.Contains(log, "Traceback") {
			t.Errorf("%s: the log has %q", c.function, log)
		}
		if a := get(t, inMain, "recall", "NAME", c.name); a.body != c.want {
			t.Errorf("%s is %q, not %q", c.name, a.body, c.want)
		}
	}
}

// ---- files -------------------------------------------------------------------------

func TestFile(t *testing.T) {
	for _, c := range []struct {
		more  environ
		start int
		size  int64
	}{
		{environ{"SIZE", "100000", "OFFSET", "0"}, 0, 100000},
		{environ{"SIZE", "100000", "OFFSET", "5000"}, 5000, 95000},
		{environ{"SIZE", "100000", "OFFSET", "5000", "LENGTH", "10"}, 5000, 10},
		{environ{"SIZE", "10", "OFFSET", "10"}, 10, 0},
		{environ{"SIZE", "10", "OFFSET", "5000"}, 5000, 0},
	} {
		a := get(t, inMain, "file", c.more...)
		if a.file == nil || a.body != "" || a.size != c.size || a.end != Complete {
			t.Errorf("%v: %v, file %v of %d", c.more, a.String(), a.file, a.size)
			continue
		}
		b, err := io.ReadAll(io.LimitReader(a.file, a.size))
		if want := pattern(200000)[c.start:][:c.size]; err != nil || string(b) != want {
			t.Errorf("%v: read %d bytes, %v", c.more, len(b), err)
		}
	}
}

// TestSharedFile has one file object in two responses, which are sent in turn.
func TestSharedFile(t *testing.T) {
	a, b := get(t, inMain, "shared_file", "OFFSET", "10"), get(t, inMain, "shared_file", "OFFSET", "20")
	var got [2]strings.Builder
	for range 100 {
		_, _ = io.CopyN(&got[0], a.file, 10)
		_, _ = io.CopyN(&got[1], b.file, 10)
	}
	if got[0].String() != pattern(1010)[10:] || got[1].String() != pattern(1020)[20:] {
		t.Errorf("the responses have one offset between them: %.40q, %.40q", got[0].String(), got[1].String())
	}
}

// TestIteratedFile are file wrappers around what has no regular file.
func TestIteratedFile(t *testing.T) {
	for function, want := range map[string]string{"no_real_file": pattern(100000), "pipe_file": "from a pipe"} {
		if a := get(t, inSecond, function); a.file != nil || a.body != want || a.end != Complete {
			t.Errorf("%s: %v", function, a.String())
		}
	}
}

// TestFileNotTaken: a file that the front does not take is closed with the request.
func TestFileNotTaken(t *testing.T) {
	r := begin(t, python(), "file", environ{"SIZE", "10", "OFFSET", "0"})
	r.EndInput(Complete)
	submit(t, r, inMain)
	for !r.Done() {
		r.Wait()
	}
	fd := int(r.slot.file)
	if !isOpen(fd) {
		t.Fatalf("the response has no file (descriptor %d)", fd)
	}
	r.Release()
	if isOpen(fd) {
		t.Errorf("descriptor %d is still open", fd)
	}
}
