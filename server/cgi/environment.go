package cgi

import "os"

// inherited are the variables that a program gets of the server's own environment: Apache's PATH and library path, and what decides
// about time, language and temporary files. The rest may hold secrets that are the application's.
var inherited = []string{"PATH", "LD_LIBRARY_PATH", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR"}

// defaultPath is PATH where the server has none.
const defaultPath = "PATH=/usr/local/bin:/usr/bin:/bin"

// Environment is what every program gets of the server's environment, and further variables of these names.
func Environment(names ...string) []string {
	var environ []string
	if _, ok := os.LookupEnv("PATH"); !ok {
		environ = append(environ, defaultPath)
	}
	for _, name := range append(names, inherited...) {
		if value, ok := os.LookupEnv(name); ok {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}
