package main

import (
	"path/filepath"
	"strings"
)

// A server is one way to serve the applications: a row of the table.
type server struct {
	Name    string
	About   string                // how it is set up, for the table
	Needs   []string              // files without which it is missing
	Version []string              // command that prints its version
	Prepare func(s site) error    // writes configuration into s.Dir; nil = none
	Command func(s site) []string // program and arguments; must stay in the foreground and stop at SIGTERM
	Behind  func(s site) []string // the same of what a proxy passes requests on to, which listens on s.socket(); nil = it is none
	Secure  bool                  // it is measured over TLS
	Without map[string]string     // case: why this server cannot take part in it
}

func (s server) name() string { return s.Name }

// A site is what a server is to serve, and where.
type site struct {
	places
	Dir       string // private and empty, for configuration, logs and pid files
	Port      string // where requests are sent
	OtherPort string // free too, for servers that cannot do with one
	Secure    bool   // requests are sent over TLS
	App       string // module in places.Apps whose `application` is called
}

func (s site) script() string { return filepath.Join(s.Apps, s.App+".py") }

func (s site) address() string { return "127.0.0.1:" + s.Port }

func (s site) endpoint() endpoint { return endpoint{s.address(), s.Secure} }

// socket is where the program behind a proxy listens.
func (s site) socket() string { return filepath.Join(s.Dir, "application.sock") }

// The two placements of gild, which the ratios of the table are taken against.
const (
	embedded = "gild-embedded"
	daemon   = "gild-daemon"
)

// servers are the rows of the table: each one process (but for gunicorn's sync workers, which have one thread
// each) with five Python threads, unless the row says otherwise; access logs off everywhere.
func servers() []server {
	list := []server{
		gild(embedded, "1 process that speaks HTTP and runs Python in 5 threads", "--embedded-mode", "--threads", "5"),
		gild(daemon, "as it comes: a front that speaks HTTP, 1 daemon process of 5 threads", "--threads", "5"),
	}
	list = append(list, apaches()...)
	list = append(list, uwsgi())
	return append(append(list, gunicorns()...), yardstick())
}

// gild is run with the options given beside those that say what to serve, and where.
func gild(name, about string, options ...string) server {
	return server{
		Name: name, About: about,
		Needs:   []string{"bench/scratch/gild"},
		Version: []string{"bench/scratch/gild", "--version"},
		Command: func(s site) []string {
			command := []string{s.Gild, "start-server", s.script(), "--host", "127.0.0.1", "--port", s.Port,
				"--python-home", s.Venv, "--server-root", s.Dir, "--log-to-terminal"}
			return append(command, options...)
		},
	}
}

// uwsgi speaks HTTP itself (http11-socket): its fastest way, and the one that gives each connection a thread for
// life.
func uwsgi() server {
	return server{
		Name: "uwsgi", About: "http11-socket, master, 1 process, 5 threads",
		Needs:   []string{"/usr/bin/uwsgi", "/usr/lib/uwsgi/plugins/python3_plugin.so"},
		Version: []string{"uwsgi", "--version"},
		Command: func(s site) []string {
			return []string{"/usr/bin/uwsgi", "--plugin", "python3", "--http11-socket", s.address(), "--master",
				"--processes", "1", "--threads", "5", "--listen", "1024", "--disable-logging", "--need-app", "--die-on-term",
				"--virtualenv", s.Venv, "--pythonpath", s.Apps, "--wsgi-file", s.script()}
		},
	}
}

// gthread is how gunicorn is set to what the other rows have.
const gthread = "--worker-class gthread --workers 1 --threads 5"

func gunicorns() []server {
	gunicorn := func(name, about, options string) server {
		return server{
			Name: name, About: about,
			Needs:   []string{"bench/scratch/venv/bin/gunicorn"},
			Version: []string{"bench/scratch/venv/bin/gunicorn", "--version"},
			Command: func(s site) []string { return gunicornCommand(s, s.address(), options) },
		}
	}
	return []server{
		gunicorn("gunicorn-gthread", "gthread, 1 worker, 5 threads", gthread),
		gunicorn("gunicorn-sync", "sync, 2 workers, which close every connection", "--worker-class sync --workers 2"),
	}
}

// gunicornCommand binds to an address in gunicorn's notation: host:port, or unix:path.
func gunicornCommand(s site, bind, options string) []string {
	command := []string{filepath.Join(s.Venv, "bin/gunicorn"), "--chdir", s.Apps, "--bind", bind}
	return append(append(command, strings.Fields(options)...), s.App)
}
