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
		Host: "localhost", ServerName: "www.example.com", ServerAliases: []string{"example.com", "*.example.org"}, Port: 8000, User: "someone", ServerRoot: "/root of = server", WorkingDirectory: filepath.Join(dir, "work"), MPM: config.Event,
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
	permission := *c
	permission.HTTPS = &config.HTTPS{Port: 8443, Automatic: &config.Automatic{PermissionScript: filepath.Join(dir, "allow.py")}}
	command := exec.Command(interpreter(), "-I", "testdata/prelude_cases.py")
	command.Env = append(os.Environ(), "PRELUDE="+prelude, "SETTINGS="+settingsOf(&permission, &c.Groups[0]), "DIRECTORY="+dir,
		"SCRIPT="+specOf(&script), "MODULE="+specOf(&module), "WELCOME="+specOf(c), "PERMISSION="+permissionScripts(&permission)[0].application().Spec)
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

// TestContentsOf has configurations and what the processes of a group run: each application with its interpreter, "*" for a GIL
// of its own, and "!" for what gild asks.
func TestContentsOf(t *testing.T) {
	permitted := &config.HTTPS{Automatic: &config.Automatic{PermissionScript: "/allow.py"}}
	own := config.Python{OwnGIL: true}
	inGroup := config.Application{Target: "/app.wsgi", Group: "group"}
	daemon, permission, access := config.ProcessGroup{}, config.ProcessGroup{Permission: true}, config.ProcessGroup{Access: true}
	basic := config.Access{HostScript: "/host.py", UserScript: "/auth.py", GroupScript: "/auth.py", Type: config.Basic}
	digest := config.Access{UserScript: "/auth.py", Type: config.Digest}
	for _, c := range []struct {
		what   string
		config config.Config
		group  config.ProcessGroup
		want   string
	}{
		{"nothing special", config.Config{}, daemon, "(welcome)@ "},
		{"an application group", config.Config{Application: inGroup}, daemon, "/app.wsgi@group "},
		{"with its own GIL", config.Config{Application: inGroup, Python: own}, daemon, "/app.wsgi@group* "},
		{"the other group has the permission script", config.Config{HTTPS: permitted}, daemon, "(welcome)@ "},
		{"this group has it", config.Config{HTTPS: permitted, Application: inGroup, Python: own}, permission, "/allow.py@! "},
		{"embedded", config.Config{HTTPS: permitted, Embedded: true}, daemon, "(welcome)@ /allow.py@certificates! "},
		{"embedded, an application group", config.Config{HTTPS: permitted, Embedded: true, Application: inGroup, Python: own}, daemon,
			"/app.wsgi@group* /allow.py@certificates! "},
		{"the other group has the access scripts", config.Config{Access: basic}, daemon, "(welcome)@ "},
		{"this group has them", config.Config{Access: basic, HTTPS: permitted}, access, "/host.py@!host /auth.py@!password /auth.py@!group "},
		{"Digest", config.Config{Access: digest}, access, "/auth.py@!digest "},
		{"embedded, with all scripts", config.Config{Access: basic, HTTPS: permitted, Embedded: true}, daemon,
			"(welcome)@ /allow.py@certificates! /host.py@access!host /auth.py@access!password /auth.py@access!group "},
		{"embedded, without a script", config.Config{HTTPS: new(config.HTTPS), Embedded: true}, daemon, "(welcome)@ "},
	} {
		if got := contentsText(contentsOf(&c.config, &c.group)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

var marks = map[string]string{"": "", askPermission: "!", askHost: "!host", askPassword: "!password", askDigest: "!digest", askGroup: "!group"}

func contentsText(all contents) string {
	var b strings.Builder
	for i, a := range all.applications {
		in := all.interpreters[a.Interpreter]
		b.WriteString(a.Name + "@" + in.Name)
		if in.OwnGIL {
			b.WriteString("*")
		}
		b.WriteString(marks[all.scripts[i].question])
		b.WriteString(" ")
	}
	return b.String()
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
