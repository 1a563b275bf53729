package logs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The application's user owns the directory of the logs, and root writes there: a link leads root nowhere.
func TestOpenFollowsNoForeignLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	const nobody = 65534
	top := t.TempDir()
	dir, victim := filepath.Join(top, "logs"), filepath.Join(top, "victim")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(victim, 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"log": filepath.Join(victim, "passwd"), "deeper": victim} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"log", "deeper/log"} {
		if f, err := OpenAppend(filepath.Join(dir, path)); err == nil || !strings.Contains(err.Error(), "directory of the user with id 65534") {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
	if made, _ := os.ReadDir(victim); len(made) != 0 {
		t.Errorf("made %v", made)
	}
	// In a directory like /tmp it is the owner of the link that counts.
	if err := os.Chown(dir, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(filepath.Join(dir, "log"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenAppend(filepath.Join(dir, "log")); err == nil || !strings.Contains(err.Error(), "link of the user with id 65534") {
		t.Errorf("sticky: %v, %v", f, err)
	}
}

// A link of our own is followed, be it the log or a directory: logs are put onto other disks that way.
func TestOpenFollowsOurLink(t *testing.T) {
	top := t.TempDir()
	if err := os.Mkdir(filepath.Join(top, "disk"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"logs": "disk", "one": "disk/other"} {
		if err := os.Symlink(target, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	for path, real := range map[string]string{"logs/log": "disk/log", "one": "disk/other"} {
		f, err := OpenAppend(filepath.Join(top, path))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("line\n"); err != nil {
			t.Error(err)
		}
		_ = f.Close()
		if got := content(t, filepath.Join(top, real)); got != "line\n" {
			t.Errorf("%s: %q", real, got)
		}
	}
}

// A link of our own may lead through a directory of another user: what is there is his.
func TestOpenFollowsNoLinkBehindOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	top := t.TempDir()
	for _, dir := range []string{"victim", "home"} {
		if err := os.Mkdir(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"logs": "home/logs", "home/logs": "../victim", "one": filepath.Join(top, "home/one"), "home/one": "../victim/log"} {
		if err := os.Symlink(target, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(top, "home"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"logs/log", "one"} {
		if f, err := OpenAppend(filepath.Join(top, path)); err == nil || !strings.Contains(err.Error(), "directory of the user with id 65534") {
			t.Errorf("%s: %v, %v", path, f, err)
		}
	}
}

// Links in a circle are an error, and standard output is where it leads to.
func TestOpenFollowsToTheEnd(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("b", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if f, err := OpenAppend(filepath.Join(dir, "a")); err == nil {
		t.Errorf("a circle is open as %v", f)
	}
	f, err := OpenAppend("/dev/stdout")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}
