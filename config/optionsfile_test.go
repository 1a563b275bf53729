package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSplitWordsEndOfFile: what a golden file cannot show, because its sections end with a line feed.
func TestSplitWordsEndOfFile(t *testing.T) {
	for text, want := range map[string]string{
		`a\`:       "f:1: there is nothing after the backslash at the end of the file",
		"a\nb 'c":  "f:2: there is a ' that nothing closes on its line",
		"a\n\"c\\": "f:2: there is a \" that nothing closes on its line",
	} {
		if words, err := splitWords("f", text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v and %v, want %s", text, words, err, want)
		}
	}
}

// TestSplitWordsForeign: files of editors that write CR LF and a byte order mark.
func TestSplitWordsForeign(t *testing.T) {
	words, err := splitWords("f", "\ufeff--port 80\r\n--threads \\\r\n 2\r\n")
	if err != nil || strings.Join(texts(words), "|") != "--port|80|--threads|2" || words[2].at != "f:2" || words[3].at != "f:3" {
		t.Errorf("got %v, %v", words, err)
	}
}

// TestOptionsFileRefused: what is no text of options is refused before it is read.
func TestOptionsFileRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "latin1", "--setenv NAME J\xf6rg\n")
	write(t, dir, "large", strings.Repeat("#", largestFile+1))
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600), os.Symlink("/dev/zero", filepath.Join(dir, "zero"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"latin1": "is not UTF-8 text", "large": "the most is 1048576", "fifo": "is not a regular file", "zero": "is not a regular file",
	} {
		_, err := Parse("start-server", []string{"--options-file", name}, testEnv(dir, nil))
		if err == nil || !strings.Contains(err.Error(), "--options-file: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want a complaint that says %q, got %v", name, want, err)
		}
	}
}

// TestOptionsFileIsReadAgain: the same command line gives another Config once the file has changed.
func TestOptionsFileIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	env := testEnv(dir, nil)
	for text, want := range map[string]int{"--threads 2": 2, "--threads 3": 3} {
		write(t, dir, "options", text)
		if c := mustParse(t, env, "--options-file", "options"); c.Groups[0].Threads != want {
			t.Errorf("%s: %d threads", text, c.Groups[0].Threads)
		}
	}
}
