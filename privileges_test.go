package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gild/config"
)

// entry is what TestEnterChild, in a process of its own, is to enter.
type entry struct {
	Root, Home string
	Who        config.Credential
}

// nobody is an identity that owns nothing.
var nobody = config.Credential{UID: 65534, GID: 65533, Groups: []uint32{65532, 65533}}

// TestEnterChild is no test: it is the process that gives up its rights for the tests below.
func TestEnterChild(t *testing.T) {
	text, ok := os.LookupEnv("GILD_TEST_ENTER")
	if !ok {
		t.Skip("this is the child of TestEnter")
	}
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	threads := statusFiles(t)
	if err := enter(e.Root, e.Home, e.Who); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, f := range threads {
		checked += checkIdentity(t, f)
	}
	if checked == 0 {
		t.Error("no thread could be looked at")
	}
	checkPlace(t)
}

// statusFiles opens the status of each thread, while /proc can be reached.
func statusFiles(t *testing.T) (files []*os.File) {
	paths, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if f, err := os.Open(path); err == nil {
			files = append(files, f)
		}
	}
	return files
}

// checkIdentity checks that a thread is nobody's, and returns 1, or 0 if the thread has ended.
func checkIdentity(t *testing.T, status *os.File) int {
	text := make([]byte, 4096)
	n, _ := status.ReadAt(text, 0)
	if n == 0 {
		return 0
	}
	for _, want := range []string{`Uid:\s65534\s65534\s65534\s65534\n`, `Gid:\s65533\s65533\s65533\s65533\n`,
		`Groups:\s65532 65533 ?\n`, `CapPrm:\s0000000000000000\n`, `CapEff:\s0000000000000000\n`} {
		if !regexp.MustCompile(want).Match(text[:n]) {
			t.Errorf("a thread has no %s in\n%s", want, text[:n])
		}
	}
	return 1
}

// checkPlace checks where the process is.
func checkPlace(t *testing.T) {
	if dir, err := os.Getwd(); err != nil || dir != "/home" {
		t.Errorf("the working directory is %q, %v", dir, err)
	}
	var names []string
	list, err := os.ReadDir("/")
	for _, item := range list {
		names = append(names, item.Name())
	}
	if err != nil || !slices.Equal(names, []string{"home", "locked"}) {
		t.Errorf("/ has %v, %v", names, err)
	}
	if _, err := os.ReadDir("/locked"); !errors.Is(err, os.ErrPermission) {
		t.Errorf("root's directory can be read: %v", err)
	}
	if err := os.WriteFile("/home/file", nil, 0o600); err != nil {
		t.Error(err)
	}
}

// jail makes a directory to be locked into. It needs root.
func jail(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can chroot")
	}
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"": 0o755, "home": 0o755, "locked": 0o700} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "home"), int(nobody.UID), int(nobody.GID)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// entering runs TestEnterChild and returns what it printed.
func entering(t *testing.T, e entry) string {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestEnterChild$", "-test.v")
	child.Env = append(os.Environ(), "GILD_TEST_ENTER="+string(text))
	out, _ := child.CombinedOutput() // its status says no more than its output
	return string(out)
}

func TestEnter(t *testing.T) {
	root := jail(t)
	if out := entering(t, entry{root, "/home", nobody}); !strings.Contains(out, "--- PASS: TestEnterChild") {
		t.Error(out)
	}
	info, err := os.Stat(filepath.Join(root, "home/file"))
	if err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}

func TestEnterRefuses(t *testing.T) {
	root := jail(t)
	for _, c := range []struct {
		e    entry
		says string
	}{
		{entry{root, "/home", config.Credential{GID: 65534}}, "WSGI process blocked from running as root"},
		{entry{root + "/missing", "", nobody}, "--chroot " + root + "/missing: no such file or directory"},
		{entry{root, "/missing", nobody}, "--working-directory, inside of --chroot " + root + ": chdir /missing: no such file"},
		{entry{root, "/locked", nobody}, "chdir /locked: permission denied"},
	} {
		if out := entering(t, c.e); !strings.Contains(out, c.says) || !strings.Contains(out, "--- FAIL") {
			t.Errorf("%+v is answered without %q:\n%s", c.e, c.says, out)
		}
	}
}

// TestVerify shows that whoever is not who he should be is found out.
func TestVerify(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		uid, gid int
		groups   []int
		says     string
	}{
		{uid + 1, gid, groups, "should have user"},
		{uid, gid + 1, groups, "should have user"},
		{uid, gid, append(slices.Clone(groups), 4242), "supplementary groups"},
	} {
		if err := verify(c.uid, c.gid, c.groups); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("the error is %v", err)
		}
	}
	if err := verify(uid, gid, groups); uid == 0 && (err == nil || !strings.Contains(err.Error(), "become root")) || uid != 0 && err != nil {
		t.Errorf("user %d: %v", uid, err)
	}
}
