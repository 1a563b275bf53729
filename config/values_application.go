package config

import (
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Setters that belong to one option each: the application, its interpreter, its environ.

// setMountPoint brings the path into its one form: a leading slash, and none at the end unless it is all there is.
func setMountPoint(r *request, v []string) error {
	if strings.ContainsAny(v[0], "?#%") {
		return fmt.Errorf("'%s' has one of ?, # and %%; it is the decoded path of a URL without a query", v[0])
	}
	r.Application.MountPoint = path.Clean("/" + v[0])
	return nil
}

// setEnv adds a pair to the environ (S32). PEP 3333 lets any string be a key but an empty one is always a mistake.
func setEnv(r *request, v []string) error {
	if v[0] == "" {
		return fmt.Errorf("the key is empty")
	}
	if key, value, ok := strings.Cut(v[0], "="); ok {
		return fmt.Errorf("'%s' has a = in it; key and value are two words: %s %s", v[0], key, value)
	}
	r.SetEnv = append(r.SetEnv, Pair{v[0], v[1]})
	return nil
}

// passEnv copies a variable as it is now (S33). One that is not set is left out, which is worth a word, as in Apache.
func passEnv(r *request, v []string) error {
	value, ok := r.env.Lookup(v[0])
	if !ok {
		r.warn("--passenv", "the environment variable '%s' is not set, so requests go without it", v[0])
		return nil
	}
	return setEnv(r, []string{v[0], value})
}

// addPythonPath adds a directory; whether it exists matters to site.addsitedir only.
func addPythonPath(r *request, v []string) error {
	if v[0] == "" {
		return fmt.Errorf("the path is empty")
	}
	dir := r.absolute(v[0])
	if !isDir(dir) {
		r.warn("--python-path", "there is no directory '%s', so no module is found there", dir)
	}
	r.Python.Path = append(r.Python.Path, dir)
	return nil
}

// actions are what the first field of a warning filter may be, and any abbreviation of them.
var actions = []string{"default", "error", "ignore", "always", "all", "module", "once"}

// addPythonWarning checks a filter as Python's -W does, because Python itself drops a wrong one with a mere message.
func addPythonWarning(r *request, v []string) error {
	fields := strings.Split(v[0], ":")
	if len(fields) > 5 {
		return fmt.Errorf("'%s' has more than five fields, it is action:message:category:module:line", v[0])
	}
	action := strings.TrimSpace(fields[0])
	known := func(a string) bool { return strings.HasPrefix(a, action) }
	if !slices.ContainsFunc(actions, known) {
		return fmt.Errorf("the action '%s' is none of %s", action, strings.Join(actions, ", "))
	}
	if len(fields) == 5 && fields[4] != "" {
		if _, err := strconv.ParseUint(strings.TrimSpace(fields[4]), 10, 31); err != nil {
			return fmt.Errorf("the line '%s' is not a number", fields[4])
		}
	}
	r.Python.Warnings = append(r.Python.Warnings, v[0])
	return nil
}

// setApplicationGroup takes a name that is the same for every request; others are labels, see 5.1 of the reference.
func setApplicationGroup(r *request, v []string) error {
	switch {
	case v[0] == "%{GLOBAL}" || v[0] == "":
		r.Application.Group = ""
	case strings.Contains(v[0], "%{"):
		return fmt.Errorf("'%s' is refused, because %s groups that depend on the request; use %%{GLOBAL} or a plain name", v[0], notYet)
	default:
		r.Application.Group = v[0]
	}
	return nil
}

// setSwitchInterval takes seconds; Python refuses 0 and less.
func setSwitchInterval(r *request, v []string) error {
	s, err := fraction(v[0])
	if err != nil {
		return err
	}
	if s <= 0 || s > longest {
		return fmt.Errorf("%s seconds are out of range, it has to be more than 0 and at most %d", v[0], longest)
	}
	r.Python.SwitchInterval = s
	return nil
}

// The least stack is what mod_wsgi-express gives its threads; below it CPython overflows before it notices.
const leastStack, mostStack = 256 << 10, 1 << 30

// setStackSize takes bytes, or 0.
func setStackSize(r *request, v []string) error {
	n, err := integer(v[0], 0, mostStack)
	if err == nil && n != 0 && n < leastStack {
		err = fmt.Errorf("%d bytes are too small, the least is %d; 0 is the system's default", n, leastStack)
	}
	if err == nil {
		r.Python.StackSize = n
	}
	return err
}

// setOwnGIL needs PEP 684.
func setOwnGIL(r *request, _ []string) error {
	if minor, ok := minorVersion(r.env.PythonVersion); !ok || minor < 12 {
		return fmt.Errorf("it needs Python 3.12 or newer, and this gild is built with Python %s", r.env.PythonVersion)
	}
	r.Python.OwnGIL = true
	return nil
}

// setFreeThreading needs a Python built for it (PEP 703).
func setFreeThreading(r *request, _ []string) error {
	if !r.env.PythonFreeThreaded {
		return fmt.Errorf("it needs a free-threaded Python (Py_GIL_DISABLED), and this gild is built with one that has the GIL")
	}
	r.Python.FreeThreading = true
	return nil
}

// minorVersion is 12 for "3.12".
func minorVersion(version string) (int, bool) {
	minor, found := strings.CutPrefix(version, "3.")
	n, err := strconv.Atoi(minor)
	return n, found && err == nil
}

// setHost takes what can stand in an address: a name or an IP address, in brackets or not.
func setHost(r *request, v []string) error {
	host := strings.TrimSuffix(strings.TrimPrefix(v[0], "["), "]")
	switch name, port, err := net.SplitHostPort(v[0]); {
	case host == "":
		return fmt.Errorf("the address is empty; leave the option out to listen on every interface")
	case strings.ContainsAny(host, "/ "):
		return fmt.Errorf("'%s' is neither an address nor a host name", v[0])
	case err == nil && net.ParseIP(host) == nil:
		return fmt.Errorf("'%s' has a port in it; use --host %s --port %s", v[0], name, port)
	case strings.Contains(host, ":") && net.ParseIP(strings.Split(host, "%")[0]) == nil:
		return fmt.Errorf("'%s' is not an address", v[0])
	case strings.ContainsAny(host, "[]"):
		return fmt.Errorf("'%s' has a bracket too many", v[0])
	}
	r.Host = host
	return nil
}
