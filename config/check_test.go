package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckNoPermission: a directory in which nothing can be made is found before anything is opened.
func TestCheckNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, testEnv(dir, nil), "--server-root", filepath.Join(dir, "deep", "root"))
	wantComplaint(t, c.Check(), "--server-root", "no files can be made in")
}

// TestCheckForeignServerRoot: in a directory like /tmp the server root may be there already, and somebody else's.
func TestCheckForeignServerRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a directory that is somebody else's")
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	c := mustParse(t, testEnv(dir, nil), "--server-root", root)
	if err := c.Check(); err != nil {
		t.Errorf("before there is any: %v", err)
	}
	if err := errors.Join(os.Mkdir(root, 0o755), os.Chown(root, 1000, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Errorf("in a directory of our own: %v", err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	wantComplaint(t, c.Check(), "--server-root", "belongs to the user with id 1000")
}

// TestCheckSaysAll: Check does not stop at the first complaint, and each has its place.
func TestCheckSaysAll(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "")
	file := filepath.Join(dir, "file")
	c := mustParse(t, testEnv(dir, nil), "--working-directory", "gone", "--error-log-name", file+"/e", "--access-log", "--access-log-name", file+"/a",
		"--startup-log", "--startup-log-name", file+"/s", "--pid-file", dir)
	err := c.Check()
	for _, place := range []string{"--working-directory", "--error-log-name", "--access-log-name", "--startup-log-name", "--pid-file"} {
		wantComplaint(t, err, place, "")
	}
}

// TestCheckLogDirectory: what is wrong with the directory is said of it, once, and not of each log.
func TestCheckLogDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "")
	err := mustParse(t, testEnv(dir, nil), "--log-directory", "file", "--access-log").Check()
	wantComplaint(t, err, "--log-directory", "is not a directory")
	if strings.Contains(err.Error(), "-log-name") {
		t.Error(err)
	}
}

// wantComplaint looks for a complaint of that place with that text in it.
func wantComplaint(t *testing.T, err error, place, text string) {
	t.Helper()
	var complaint *Error
	if !errors.As(err, &complaint) {
		t.Fatalf("want a complaint about %s, got %v", place, err)
	}
	for line := range strings.Lines(err.Error()) {
		if strings.HasPrefix(line, place+": ") && strings.Contains(line, text) {
			return
		}
	}
	t.Errorf("no complaint about %s says %q:\n%v", place, text, err)
}
