package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// interpreter writes a stand-in for a Python: the real one, whose answers about itself are changed by some lines of
// Python before build/python.py asks for them.
func interpreter(t *testing.T, changes string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python3")
	text := fmt.Sprintf(`#!/bin/sh
exec python3 -c '
import runpy, sys, sysconfig
values = sysconfig.get_config_vars()
%s
runpy.run_path(sys.argv[2])
' "$@"
`, changes)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// environment runs build/env.sh with the interpreter and returns what it printed.
func environment(python string) (stdout, stderr string, err error) {
	var out, complaint bytes.Buffer
	command := exec.Command("build/env.sh")
	command.Env = append(os.Environ(), "PYTHON="+python)
	command.Stdout, command.Stderr = &out, &complaint
	err = command.Run()
	return out.String(), complaint.String(), err
}

// TestBuildRefuses has one case for each kind of Python that cannot be embedded. The sentence must say what to do.
func TestBuildRefuses(t *testing.T) {
	for _, c := range []struct{ name, changes, sentence string }{
		{"too old", `sys.version_info = (3, 9, 1)`,
			"gild needs Python 3.10 or newer"},
		{"static", `values["LIBDIR"] = sys.base_prefix = "/nowhere"`,
			"it has no shared library (libpython"},
		{"static, built by hand", `values["LIBDIR"] = sys.base_prefix = "/nowhere"; sys.executable = "/opt/bin/python3"`,
			"build this Python with ./configure --enable-shared"},
		{"static, of pyenv", `values["LIBDIR"] = "/nowhere"; sys.base_prefix = "/home/u/.pyenv/versions/3.12.1"; sys.executable = "/home/u/python3"`,
			"PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force 3.12.1"},
		{"no headers", `sysconfig.get_path = lambda name, *rest, **more: "/nowhere"`,
			"its headers are not installed (/nowhere/Python.h is missing)"},
		{"no pyconfig.h", `sysconfig.get_config_h_filename = lambda: "/nowhere/pyconfig.h"`,
			"its headers are not installed (/nowhere/pyconfig.h is missing)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, err := environment(interpreter(t, c.changes))
			if err == nil || stdout != "" {
				t.Errorf("it was accepted: %s", stdout)
			}
			if !strings.Contains(stderr, c.sentence) {
				t.Errorf("it says %q, and not %q", stderr, c.sentence)
			}
		})
	}
}

func TestBuildRefusesNoCommand(t *testing.T) {
	_, stderr, err := environment("python-of-nobody")
	if want := "PYTHON=python-of-nobody: there is no such command"; err == nil || !strings.Contains(stderr, want) {
		t.Errorf("it says %q, and not %q", stderr, want)
	}
}

// TestBuildEnvironment shows what a compiler is told about a Python.
func TestBuildEnvironment(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"Python.h", "pyconfig.h", "libpython3.13t.so"} {
		if err := os.WriteFile(filepath.Join(home, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	python := interpreter(t, strings.ReplaceAll(`
sys.version_info = (3, 13, 5)
sys.executable = "HOME/python3"
values.update(LIBDIR="HOME", LDLIBRARY="libpython3.13t.so", Py_GIL_DISABLED=1)
sysconfig.get_path = lambda name, *rest, **more: "HOME"
sysconfig.get_config_h_filename = lambda: "HOME/pyconfig.h"`, "HOME", home))
	stdout, stderr, err := environment(python)
	if err != nil {
		t.Fatal(err, stderr)
	}
	for _, want := range []string{
		"export GILD_PYTHON=" + home + "/python3\n",
		"export GILD_PYTHON_VERSION=3.13t\n",
		"-isystem " + home + " ",
		"-L" + home + " -lpython3.13t -Wl,-rpath," + home + "'\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
}
