package scripts

import (
	"crypto/md5"
	"fmt"
	"strconv"
	"strings"

	"gild/config"
	"gild/cpython"
)

// interpretersOf returns the application groups, the main interpreter first, and which one is the application's.
func interpretersOf(c *config.Config) ([]cpython.Interpreter, int) {
	list := []cpython.Interpreter{{}}
	if c.Application.Group == "" {
		return list, 0
	}
	return append(list, cpython.Interpreter{Name: c.Application.Group, OwnGIL: c.Python.OwnGIL}), 1
}

// executable is the python that sys.executable names: of the virtual environment, or the one that belongs to the
// library in use.
func executable(c *config.Config) string {
	if c.Python.Executable != "" {
		return c.Python.Executable
	}
	return libraryPython(cpython.Library(), cpython.ShortVersion(), cpython.IsFreeThreaded())
}

// home is PYTHONHOME, needed only for a prefix without a python of its own.
func home(c *config.Config) string {
	if c.Python.Executable != "" {
		return ""
	}
	return c.Python.Home
}

// applicationsOf returns the applications; one for now.
func applicationsOf(c *config.Config, interpreter int) []cpython.Application {
	return []cpython.Application{{Interpreter: interpreter, Spec: specOf(c), Name: targetName(c)}}
}

func targetName(c *config.Config) string {
	if c.Application.Target == "" {
		return "(welcome)"
	}
	return c.Application.Target
}

// fields builds the key=value text that prelude.py parses.
type fields struct{ strings.Builder }

// unit separates the fields: U+001F, which no path or name has.
const unit = "\x1f"

func (f *fields) add(key, value string) {
	f.WriteString(key + "=" + strings.ReplaceAll(value, unit, "") + unit)
}

func specOf(c *config.Config) string {
	var f fields
	kind := c.Application.Type
	if c.Application.Target == "" {
		kind = "welcome"
	}
	f.add("type", kind)
	f.add("target", c.Application.Target)
	f.add("callable", callable(c))
	f.add("digest", fmt.Sprintf("%x", md5.Sum([]byte(c.Application.Target))))
	return f.String()
}

func callable(c *config.Config) string {
	if c.Application.Target == "" {
		return "application"
	}
	return c.Application.Callable
}

func settingsOf(c *config.Config) string {
	var f fields
	for _, dir := range c.Python.Path {
		f.add("python_path", dir)
	}
	f.add("home", c.WorkingDirectory)
	if c.Python.SwitchInterval > 0 {
		f.add("switch_interval", strconv.FormatFloat(c.Python.SwitchInterval, 'g', -1, 64))
	}
	addLater(&f)
	addServer(&f, c)
	for _, v := range append(Environment(c), identity(&c.Groups[c.Application.ProcessGroup])...) {
		f.add("environment", v.Key+"="+v.Value)
	}
	return f.String()
}

// Environment is what os.environ of the application has beyond what gild was started with (S77, S78).
func Environment(c *config.Config) []config.Pair {
	host := c.Host
	if host == "" {
		host = "localhost"
	}
	return []config.Pair{
		{Key: "MOD_WSGI_EXPRESS", Value: "true"},
		{Key: "MOD_WSGI_SERVER_NAME", Value: host},
		{Key: "MOD_WSGI_SERVER_ALIASES", Value: ""},
		{Key: "MOD_WSGI_SERVER_ROOT", Value: c.ServerRoot},
		{Key: "MOD_WSGI_LISTENER_HOST", Value: c.Host},
		{Key: "MOD_WSGI_HTTP_PORT", Value: strconv.Itoa(c.Port)},
		{Key: "MOD_WSGI_USER", Value: c.User},
		{Key: "MOD_WSGI_GROUP", Value: c.Group},
		{Key: "MOD_WSGI_WORKING_DIRECTORY", Value: c.WorkingDirectory},
	}
}
