package scripts

import (
	"cmp"
	"crypto/md5"
	"fmt"
	"strconv"
	"strings"

	"gild/config"
	"gild/cpython"
)

// contents is what the processes of a group run: interpreters, which are the application groups, the main one first; and
// what is loaded into them.
type contents struct {
	interpreters []cpython.Interpreter
	applications []cpython.Application
	scripts      []script // for each application, the script that it is if gild asks it, or if it answers for files; otherwise the zero value
}

// contentsOf returns those of a group. The application comes first, where there is one.
func contentsOf(c *config.Config, g *config.ProcessGroup) contents {
	all := contents{interpreters: []cpython.Interpreter{{}}}
	switch {
	case g.Permission:
		all.loadScripts(permissionScripts(c), cpython.Interpreter{})
	case g.Access:
		all.loadScripts(accessScripts(c), cpython.Interpreter{})
	default: // the application, and what answers for files beside it
		if c.Application.Type != "static" {
			all.load(application(c), script{}, all.interpreter(cpython.Interpreter{Name: c.Application.Group, OwnGIL: c.Python.OwnGIL}))
		}
		all.loadScripts(handlerScripts(c), cpython.Interpreter{})
		if c.Embedded {
			all.loadScripts(permissionScripts(c), cpython.Interpreter{Name: permissionInterpreter})
			all.loadScripts(accessScripts(c), cpython.Interpreter{Name: accessInterpreter})
		}
	}
	return all
}

// interpreter adds one, unless it is the main one, and returns its number.
func (all *contents) interpreter(in cpython.Interpreter) int {
	if in.Name == "" {
		return 0
	}
	all.interpreters = append(all.interpreters, in)
	return len(all.interpreters) - 1
}

// load adds an application.
func (all *contents) load(a cpython.Application, s script, interpreter int) {
	a.Interpreter = interpreter
	all.applications = append(all.applications, a)
	all.scripts = append(all.scripts, s)
}

// loadScripts adds scripts, which share an interpreter.
func (all *contents) loadScripts(scripts []script, in cpython.Interpreter) {
	if len(scripts) == 0 {
		return
	}
	interpreter := all.interpreter(in)
	for _, s := range scripts {
		all.load(s.application(), s, interpreter)
	}
}

// lanes is the lane of each application, and how many there are.
func (all contents) lanes() ([]int, int) { return cpython.Lanes(all.interpreters, all.applications) }

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

// application is what is served.
func application(c *config.Config) cpython.Application {
	return cpython.Application{Spec: specOf(c), Name: targetName(c)}
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
	kind := c.Application.Type
	if c.Application.Target == "" {
		kind = "welcome"
	}
	return spec(kind, c.Application.Target, callable(c))
}

// spec is what load() of the prelude gets.
func spec(kind, target, callable string) string {
	var f fields
	f.add("type", kind)
	f.add("target", target)
	f.add("callable", callable)
	f.add("digest", fmt.Sprintf("%x", md5.Sum([]byte(target))))
	return f.String()
}

func callable(c *config.Config) string {
	if c.Application.Target == "" {
		return "application"
	}
	return c.Application.Callable
}

func settingsOf(c *config.Config, g *config.ProcessGroup) string {
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
	for _, v := range append(Environment(c), identity(g)...) {
		f.add("environment", v.Key+"="+v.Value)
	}
	return f.String()
}

// Environment is what os.environ of the application has beyond what gild was started with (S77 to S79, S88).
func Environment(c *config.Config) []config.Pair {
	pairs := []config.Pair{
		{Key: "MOD_WSGI_EXPRESS", Value: "true"},
		{Key: "MOD_WSGI_SERVER_NAME", Value: cmp.Or(c.ServerName, c.Host, "localhost")},
		{Key: "MOD_WSGI_SERVER_ALIASES", Value: strings.Join(c.ServerAliases, " ")},
		{Key: "MOD_WSGI_SERVER_ROOT", Value: c.ServerRoot},
		{Key: "MOD_WSGI_LISTENER_HOST", Value: c.Host},
		{Key: "MOD_WSGI_HTTP_PORT", Value: strconv.Itoa(c.Port)},
		{Key: "MOD_WSGI_USER", Value: c.User},
		{Key: "MOD_WSGI_GROUP", Value: c.Group},
		{Key: "MOD_WSGI_WORKING_DIRECTORY", Value: c.WorkingDirectory},
	}
	if c.HTTPS != nil {
		pairs = append(pairs, config.Pair{Key: "MOD_WSGI_HTTPS_PORT", Value: strconv.Itoa(c.HTTPS.Port)})
	}
	return pairs
}
