package scripts

import (
	"os"
	"path/filepath"
)

// libraryPython looks for the python program that belongs to a libpython: with it as sys.executable, prefix and
// standard library are found as that program finds them, and subprocesses of the application start the same Python.
// "" means that none was found; Python then searches by itself.
func libraryPython(library, version string, freeThreaded bool) string {
	name := "python" + version
	if freeThreaded {
		name += "t"
	}
	resolved, err := filepath.EvalSymlinks(library)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(resolved); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, "bin", name)
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate
		}
	}
	return ""
}
