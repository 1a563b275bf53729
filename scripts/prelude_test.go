package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gild/config"
)

// interpreter is the plain python that prelude.py is tried with: the one gild is built for, if make says so.
func interpreter() string {
	if python := os.Getenv("GILD_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

// TestPrelude runs testdata/prelude_cases.py, which executes prelude.py as C does, with what this package would give it.
func TestPrelude(t *testing.T) {
	dir := t.TempDir()
	c := &config.Config{
		Host: "localhost", Port: 8000, User: "someone", ServerRoot: "/root of = server", WorkingDirectory: filepath.Join(dir, "work"), MPM: config.Event,
		Groups: []config.ProcessGroup{{}},
		Python: config.Python{Path: []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")}, SwitchInterval: 0.25},
	}
	for _, name := range []string{"work", "one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	script := *c
	script.Application = config.Application{Type: config.Script, Target: filepath.Join(dir, "app.wsgi"), Callable: "application"}
	module := *c
	module.Application = config.Application{Type: config.Module, Target: "some.module", Callable: "made"}
	command := exec.Command(interpreter(), "-I", "testdata/prelude_cases.py")
	command.Env = append(os.Environ(), "PRELUDE="+prelude, "SETTINGS="+settingsOf(c), "DIRECTORY="+dir,
		"SCRIPT="+specOf(&script), "MODULE="+specOf(&module), "WELCOME="+specOf(c))
	if out, err := command.CombinedOutput(); err != nil || !strings.Contains(string(out), "\nOK") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestFieldsKeepTheirBounds: a value that has the separator in it does not become two fields.
func TestFieldsKeepTheirBounds(t *testing.T) {
	var f fields
	f.add("a", "1"+unit+"b=2")
	f.add("c", "x=y\n")
	if got, want := f.String(), "a=1b=2"+unit+"c=x=y\n"+unit; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestInterpretersOf(t *testing.T) {
	c := new(config.Config)
	if list, index := interpretersOf(c); len(list) != 1 || index != 0 {
		t.Errorf("without a group: %v, %d", list, index)
	}
	c.Application.Group, c.Python.OwnGIL = "group", true
	list, index := interpretersOf(c)
	if len(list) != 2 || index != 1 || list[1].Name != "group" || !list[1].OwnGIL || list[0].OwnGIL {
		t.Errorf("with a group: %v, %d", list, index)
	}
}

// TestLibraryPython has directory trees and the python that belongs to the library in each.
func TestLibraryPython(t *testing.T) {
	for name, c := range map[string]struct {
		files                      []string
		library, version, expected string
		freeThreaded               bool
	}{
		"prefix":        {[]string{"bin/python3.12"}, "lib/libpython3.12.so.1.0", "3.12", "bin/python3.12", false},
		"Debian":        {[]string{"usr/bin/python3.11"}, "usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "3.11", "usr/bin/python3.11", false},
		"free-threaded": {[]string{"bin/python3.13", "bin/python3.13t"}, "lib/libpython3.13t.so.1.0", "3.13", "bin/python3.13t", true},
		"another one":   {[]string{"bin/python3.12"}, "lib/libpython3.13.so.1.0", "3.13", "", false},
	} {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range append(c.files, c.library) {
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if c.expected != "" {
			c.expected = filepath.Join(dir, c.expected)
		}
		if got := libraryPython(filepath.Join(dir, c.library), c.version, c.freeThreaded); got != c.expected {
			t.Errorf("%s: %q, want %q", name, got, c.expected)
		}
	}
	if got := libraryPython("/nonexistent/libpython.so", "3.12", false); got != "" {
		t.Errorf("a library that is not there has %q", got)
	}
}

// TestIdentity: os.environ names the user of a process that is not the one of whoever started gild.
func TestIdentity(t *testing.T) {
	group := config.ProcessGroup{User: "web", UserHome: "/srv/web"}
	if pairs := identity(&group); len(pairs) != 0 {
		t.Errorf("the user is the same, and os.environ gets %v", pairs)
	}
	group.Credential = &config.Credential{UID: 5, GID: 6}
	if got, want := fmt.Sprint(identity(&group)), "[{USER web} {USERNAME web} {LOGNAME web} {HOME /srv/web}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	group.UserHome = ""
	if pairs := identity(&group); len(pairs) != 3 {
		t.Errorf("without a home it gets %v", pairs)
	}
}
