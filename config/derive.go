package config

import (
	"fmt"
	"path/filepath"
)

// derive fills in what depends on more than one option, or on the world, once all options are known.
func (r *request) derive() {
	r.chooseMPM()
	r.static()
	r.embed()
	r.target()
	r.handlers()
	r.ports()
	r.paths()
	r.secure()
	r.trusted()
	r.logs()
	r.files()
	r.timeouts()
	r.proxies()
	r.becomeUser()
	r.processGroup()
	r.access()
	r.questionGroups()
	r.metrics()
	r.rewriting()
	r.reloading()
	r.responses()
	r.python()
	r.locale()
	r.withoutApplication()
}

// paths fills in the directories that were not given.
func (r *request) paths() {
	switch {
	case r.WorkingDirectory != "":
	case r.group().Chroot != "":
		r.WorkingDirectory = "/"
	default:
		r.WorkingDirectory = r.env.Dir
	}
	if r.ServerRoot == "" {
		r.ServerRoot = filepath.Join(r.absolute(r.temporary()), r.instance())
	}
	if r.PidFile == "" {
		r.PidFile = filepath.Join(r.ServerRoot, "gild.pid")
	}
	r.StatusSocket = filepath.Join(r.ServerRoot, "status.sock")
	if len(r.StatusSocket) >= socketPath {
		r.warn("--server-root", "%s", socketTooLong(r.ServerRoot))
		r.StatusSocket = ""
	}
}

// socketTooLong says why a server has no status socket.
func socketTooLong(root string) error {
	return fmt.Errorf("the path '%s' is too long for a Unix socket in it, so 'gild status' cannot be used", root)
}

// socketPath is the room for a path and its final 0 in the address of a Unix socket, sockaddr_un of unix(7).
const socketPath = 108

// temporary is the directory for temporary files.
func (r *request) temporary() string {
	if dir, ok := r.env.Lookup("TMPDIR"); ok && dir != "" {
		return dir
	}
	return "/tmp"
}

// instance is a name that no other gild on this machine has while this one runs: a port belongs to one, a host name may
// be served by several.
func (r *request) instance() string {
	return fmt.Sprintf("gild-%s:%d:%d", r.hostname(), r.Port, r.env.UID)
}

// hostname is how the place where gild listens is called.
func (c *Config) hostname() string {
	if c.Host == "" {
		return "localhost"
	}
	return c.Host
}

// pointless warns of an option that does nothing because another is missing.
func (r *request) pointless(option, needs string) {
	if r.given[option] && !r.given[needs] {
		r.warn(option, "without effect, because %s is not given", needs)
	}
}

// python finds the Python the application was installed for.
func (r *request) python() {
	home, err := PythonHome(r.pythonHome, r.env)
	r.complain("", err)
	r.Python.Home, r.Python.Executable = home.Dir, home.Executable
}

// locale is the locale of the environment, unless one is given. In C or POSIX, Python programs would read and write
// ASCII; C.UTF-8 is the same locale otherwise.
func (r *request) locale() {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, ok := r.env.Lookup(name); ok && r.Locale == "" {
			r.Locale = value
		}
	}
	if r.Locale == "" || r.Locale == "C" || r.Locale == "POSIX" {
		r.Locale = "C.UTF-8"
	}
}
