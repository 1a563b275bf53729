package config

import (
	"os"
	"path/filepath"
	"strings"
)

// Home is a Python installation: a virtual environment, or a prefix such as /usr. The zero Home is the one libpython
// was built for.
type Home struct {
	Dir        string // absolute
	Executable string // absolute path of its python; a prefix may have none, then ""
	IsVenv     bool
}

// PythonHome finds the Python that packages were installed for: given, which is --python-home, else VIRTUAL_ENV, else
// the virtual environment whose bin directory gild is in, which then need not be activated (S75). The first that is
// set must be usable: another one in its place would miss the packages. Any path inside its bin or lib does for the
// directory itself. The error is an *Error that names the source.
func PythonHome(given string, env Env) (Home, error) {
	if given != "" {
		return findHome("--python-home", given, env)
	}
	if dir, ok := env.Lookup("VIRTUAL_ENV"); ok && dir != "" {
		return findHome("VIRTUAL_ENV", dir, env)
	}
	dir := filepath.Dir(filepath.Dir(env.Executable))
	if env.Executable == "" || !isFile(venvFile(dir)) {
		return Home{}, nil
	}
	return findHome("pyvenv.cfg", dir, env)
}

// findHome looks at dir, and upwards while dir is a part of an installation.
func findHome(place, dir string, env Env) (Home, error) {
	if !isDir(dir) && !isFile(dir) {
		return Home{}, complain(place, "there is no directory '%s'", dir)
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if isFile(venvFile(at)) {
			return venv(place, at, env)
		}
		if isPrefix(at, env) {
			return Home{Dir: at, Executable: python(at, env)}, nil
		}
		if !isPart(filepath.Base(at)) {
			return Home{}, complain(place, "'%s' is neither a virtual environment (there is no %s) nor a prefix of Python %s (there is no %s)",
				dir, venvFile(dir), env.PythonVersion, filepath.Join(dir, "lib", libdir(env), "os.py"))
		}
	}
}

// isPart says whether a directory of that name can be inside an installation.
func isPart(name string) bool {
	switch name {
	case "bin", "lib", "lib64", "site-packages", "dist-packages":
		return true
	}
	return strings.HasPrefix(name, "python")
}

// libdir is the name of the library directory, python3.13 or python3.13t.
func libdir(env Env) string {
	if env.PythonFreeThreaded {
		return "python" + env.PythonVersion + "t"
	}
	return "python" + env.PythonVersion
}

// isPrefix looks for the landmark CPython itself looks for: os.py. /usr/local of Debian has packages but no Python.
func isPrefix(dir string, env Env) bool {
	return isFile(filepath.Join(dir, "lib", libdir(env), "os.py")) || isFile(filepath.Join(dir, "lib64", libdir(env), "os.py"))
}

// python is the path of an interpreter in dir, or "".
func python(dir string, env Env) string {
	for _, name := range []string{"python", "python3", libdir(env)} {
		if path := filepath.Join(dir, "bin", name); isFile(path) {
			return path
		}
	}
	return ""
}

// venv checks a virtual environment: it must be for the Python that is linked in, because its extension modules are.
func venv(place, dir string, env Env) (Home, error) {
	data, err := os.ReadFile(venvFile(dir))
	if err != nil {
		return Home{}, complain(place, "the virtual environment cannot be used: %s", err)
	}
	version := venvVersion(string(data))
	if version != "" && version != env.PythonVersion {
		return Home{}, complain(place, "the virtual environment '%s' is for Python %s, and this gild is built with Python %s; make the environment again with python%s, or build gild with PYTHON=%s",
			dir, version, env.PythonVersion, env.PythonVersion, filepath.Join(dir, "bin", "python"))
	}
	if !isDir(filepath.Join(dir, "lib", libdir(env))) {
		return Home{}, complain(place, "the virtual environment '%s' is not for the %s of this gild: there is no %s",
			dir, libdir(env), filepath.Join(dir, "lib", libdir(env)))
	}
	exe := python(dir, env)
	if exe == "" {
		return Home{}, complain(place, "the virtual environment '%s' has no interpreter any more: there is no %s; make it again with python%s",
			dir, filepath.Join(dir, "bin", "python"), env.PythonVersion)
	}
	return Home{Dir: dir, Executable: exe, IsVenv: true}, nil
}

// venvVersion is the X.Y in the text of a pyvenv.cfg, or "". The module venv writes version, virtualenv version_info.
func venvVersion(text string) string {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if key != "version" && key != "version_info" {
			continue
		}
		if parts := strings.SplitN(strings.TrimSpace(value), ".", 3); len(parts) >= 2 {
			return parts[0] + "." + parts[1]
		}
	}
	return ""
}

// venvFile is the file that makes a directory a virtual environment (PEP 405).
func venvFile(dir string) string { return filepath.Join(dir, "pyvenv.cfg") }

// isFile says whether path leads to something that is not a directory.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// isDir says whether path leads to a directory.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
