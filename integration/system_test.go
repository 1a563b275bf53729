package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// These sections are about the system on which a story happens, not about HTTP: processes, files, commands.

// processes waits until gild has exactly the processes of the section, the oldest first, each with its number.
func (s *story) processes(_ string, section *txtar.File) error {
	want := strings.TrimSpace(string(section.Data))
	return retry(func() error {
		var lines []string
		for _, r := range s.gild.family() {
			lines = append(lines, fmt.Sprintf("%s %d", r.role, r.pid))
		}
		if got := strings.Join(lines, "\n"); !compile(want, s.known).whole(got, s.known) {
			return fmt.Errorf("the processes are\n%s\nwant\n%s", got, want)
		}
		return nil
	})
}

// gone waits until the process with a captured number has ended.
func (s *story) gone(name string, _ *txtar.File) error {
	text, err := s.known.expand(name)
	if err != nil {
		return err
	}
	return retry(func() error {
		if _, err := os.Stat("/proc/" + text); err == nil {
			return fmt.Errorf("process %s is still there", text)
		}
		return nil
	})
}

// touch gives a file the present as its time of change, and never the one it had.
func (s *story) touch(name string, _ *txtar.File) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	now := time.Now()
	if !now.After(info.ModTime()) {
		now = info.ModTime().Add(time.Millisecond)
	}
	return os.Chtimes(path, now, now)
}

// remove deletes a file.
func (s *story) remove(name string, _ *txtar.File) error {
	return os.Remove(filepath.Join(s.dir, filepath.FromSlash(name)))
}

// command runs gild once more, with the options by which it finds the one of the story, until it prints the section. Its
// exit status must be 0, or N if the first line is "(exit N)".
func (s *story) command(args string, section *txtar.File) error {
	status, want := 0, string(section.Data)
	if scan(want, "(exit %d)", &status) {
		_, want, _ = strings.Cut(want, "\n")
	}
	return retry(func() error {
		got, code, err := s.gild.command(words(args))
		if err != nil || code != status {
			return fmt.Errorf("exit status %d, %v, want %d; it printed\n%s", code, err, status, got)
		}
		if !compile(strings.TrimRight(want, "\n"), s.known).whole(strings.TrimRight(got, "\n"), s.known) {
			return fmt.Errorf("it printed\n%s\nwant\n%s", got, want)
		}
		return nil
	})
}

// command runs the binary with args and the options that complete adds, and returns what it printed.
func (g *gild) command(args []string) (output string, status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, built.gild, g.complete(args)...)
	c.Dir, c.Env = g.dir, environ(nil)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.String(), exit.ExitCode(), nil
	}
	return out.String(), 0, err
}
