package cgi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is a timeout that does not matter to a test.
const patience = 30 * time.Second

// A run is one of a program, with what it wrote to its error stream.
type run struct {
	Output
	mu     sync.Mutex
	stderr []string
}

func (r *run) complaints() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.stderr, "|")
}

// runScript runs a shell script, which is the text, with the runner.
func runScript(t *testing.T, runner *Runner, ctx context.Context, text string, body io.Reader) (*run, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.cgi")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &run{}
	out, err := runner.Run(ctx, &Request{File: file, Environ: []string{"WORD=given", "TZ=of the request"}, Body: body, Stderr: func(line string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stderr = append(r.stderr, line)
	}})
	r.Output = out
	return r, err
}

// text is all the output.
func text(t *testing.T, r *run, err error) (string, error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return string(got), err
}

// until waits for something that is about to be so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for begin := time.Now(); !so(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatalf("%s: not so after %v", what, patience)
		}
	}
}

// idle waits until no program runs.
func idle(t *testing.T, r *Runner) {
	t.Helper()
	until(t, "the end of all programs", func() bool { return len(r.places) == 0 })
}

// TestProgram: output, errors, body and environment of a program.
func TestProgram(t *testing.T) {
	t.Setenv("GILD_TEST_SECRET", "of the server")
	t.Setenv("TZ", "of the server")
	runner := NewRunner(1, patience)
	r, err := runScript(t, runner, context.Background(), `echo "$WORD, $GILD_TEST_SECRET, $TZ."; cat; echo oh >&2; exit 3`, strings.NewReader("the body"))
	got, err := text(t, r, err)
	if got != "given, , of the request.\nthe body" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	until(t, "the complaint", func() bool { return r.complaints() == "oh" })
	idle(t, runner)
}

// TestNoBody: without one, the program finds its standard input at the end.
func TestNoBody(t *testing.T) {
	r, err := runScript(t, NewRunner(1, patience), context.Background(), "cat; echo done", nil)
	if got, err := text(t, r, err); got != "done\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestUnreadBody: a program need not read what it is sent.
func TestUnreadBody(t *testing.T) {
	r, err := runScript(t, NewRunner(1, patience), context.Background(), "echo done", strings.NewReader(strings.Repeat("x", 1<<20)))
	if got, err := text(t, r, err); got != "done\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestKilled: a program that a signal has ended did not print everything.
func TestKilled(t *testing.T) {
	r, err := runScript(t, NewRunner(1, patience), context.Background(), "echo some; kill -SEGV $$", nil)
	if got, err := text(t, r, err); got != "some\n" || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "segmentation") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestSilence: a program that says nothing for too long is ended, with all that it has started.
func TestSilence(t *testing.T) {
	runner := NewRunner(1, 50*time.Millisecond)
	r, err := runScript(t, runner, context.Background(), "sleep 1000 & wait", nil)
	if got, err := text(t, r, err); got != "" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %q, %v", got, err)
	}
	idle(t, runner)
}

// TestGone: the end of the context ends the program, also one that does not listen to TERM.
func TestGone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	runner := NewRunner(1, patience)
	r, err := runScript(t, runner, ctx, "trap '' TERM; echo begun; while true; do sleep 0.1; done", nil)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	if n, err := r.Read(buffer); string(buffer[:n]) != "begun\n" || err != nil {
		t.Fatalf("got %q, %v", buffer[:n], err)
	}
	cancel()
	if _, err := io.ReadAll(r); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	_ = r.Close()
	idle(t, runner)
}

// TestBackground: what a program has started in the background goes on, and keeps nothing.
func TestBackground(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	r, err := runScript(t, NewRunner(1, patience), context.Background(), "(sleep 0.2; touch "+done+") >/dev/null & echo at once", nil)
	if got, err := text(t, r, err); got != "at once\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	until(t, "the work in the background", func() bool { _, err := os.Stat(done); return err == nil })
}

// TestBrokenBody: a body that breaks off ends the program.
func TestBrokenBody(t *testing.T) {
	gone := errors.New("the client has left")
	in, send := io.Pipe()
	runner := NewRunner(1, patience)
	r, err := runScript(t, runner, context.Background(), "cat", in)
	_, _ = send.Write([]byte("some"))
	_ = send.CloseWithError(gone)
	if got, err := text(t, r, err); err != gone || !strings.HasPrefix("some", got) {
		t.Errorf("got %q, %v", got, err)
	}
	idle(t, runner)
}

// TestNoPlace: when as many programs run as may, a request waits no longer than the timeout, or its client.
func TestNoPlace(t *testing.T) {
	runner := NewRunner(1, patience)
	r, err := runScript(t, runner, context.Background(), "echo begun; sleep 1000", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := runScript(t, runner, ctx, "", nil); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	runner.timeout = time.Millisecond
	var e *Error
	if _, err := runScript(t, runner, context.Background(), "", nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v", err)
	}
	_ = r.Close()
	idle(t, runner)
}
