package config

import (
	"net"
	"strconv"
	"time"
)

// Config is all that was asked of this gild, with nothing left to look up. Paths are absolute, names of users are
// resolved, formats are expanded. It survives a round trip through JSON unchanged.
type Config struct {
	Application Application
	Python      Python

	Host          string // address or name to listen on, without brackets; "" is every interface
	Port          int    // 1..65535
	ServerBacklog int    // argument of listen(2), at least 1
	MaxClients    int    // connections open at once, all processes together; see ClientsPerProcess
	HTTP2         bool   // HTTP/2 with prior knowledge on the HTTP port as well
	HTTPS         *HTTPS // nil: there is none

	ServerName     string   // host name of the site in lower case, IDN as A-labels, no port; "": every host is served
	ServerAliases  []string // further host names in the same form, with * and ? as in Apache's ServerAlias
	AllowLocalhost bool     // requests for localhost from this machine are served although there is a ServerName

	ServerRoot       string // directory for what gild writes itself: logs, pid file and socket, unless these are given
	PidFile          string
	StatusSocket     string // absolute path of the Unix socket "gild status" asks; "": ServerRoot is too long for one
	WorkingDirectory string // current directory of the processes; the first entry of sys.path as well

	User        string      // --user as given, or the user that started gild
	Group       string      // --group as given, or the primary group of User
	Credential  *Credential // whom the front must become; nil: it stays what the supervisor is
	ProcessName string      // argv[0] of the processes that are no daemons; "" is "gild"

	MPM      string         // Event, Worker or Prefork
	Embedded bool           // server and application share a process
	Groups   []ProcessGroup // those that run Python; none: there is nothing for them to run

	ScriptReloading bool // a request that finds its script changed is served by the new one
	ReloadOnChanges bool // so does a change of the file of any loaded module, without a request

	ServerStatus   bool   // /server-status is served to clients on this machine
	ServerMetrics  bool   // mod_wsgi.server_metrics() tells the application about the server
	MetricsAddress string // "host:port" for net.Listen, where figures are served as Prometheus reads them; "": nowhere

	Files     Files     // served besides the application
	Access    Access    // who may see the site
	Trust     Trust     // which proxies in front are believed, and what
	Proxies   []Proxy   // parts of the site that other servers answer for
	Responses Responses // what becomes of responses on their way
	Rewrite   Rewrite   // other addresses for what is asked for

	SetEnv []Pair // additions to the environ of every request, in this order

	LimitRequestBody      int64 // bytes; 0: no limit
	LimitRequestFieldSize int   // bytes of request line and header fields together
	LimitRequestFields    int   // header fields of a request; 0: no limit but the size
	Timeouts              Timeouts
	Log                   Log
	Locale                string // LC_ALL and LANG of the workers, such as "C.UTF-8"

	CommandLine []string // verb and arguments as given, for messages
	Warnings    []string // one line each, for the caller to print at start
}

// Application says what is served.
type Application struct {
	Type       string // Script, Module or Static
	Target     string // Script: absolute path of the file; Module: dotted name; "" is the built-in welcome application, or none if Type is Static
	Callable   string // name of the WSGI callable inside it
	MountPoint string // URL path without a trailing slash; "/" is the whole site
	Group      string // application group, that is, the interpreter; "" is the main interpreter, %{GLOBAL}

	ProcessGroup int // index into Config.Groups; NoGroup: no process runs an application
}

// What Application.Type may be.
const (
	Script = "script" // a file executed as the module __wsgi__
	Module = "module" // a module found on sys.path
	Static = "static" // there is none, only files (S50)
)

// NoGroup is Application.ProcessGroup where no process runs an application.
const NoGroup = -1

// What Config.MPM may be. A slot for a request is held as long as the request lasts under Event, and as long as its
// connection does under the others.
const (
	Event   = "event"
	Worker  = "worker"
	Prefork = "prefork"
)

// Python says how the interpreter is set up.
type Python struct {
	Home               string   // virtual environment or prefix; "": what is compiled into libpython
	Executable         string   // sys.executable, the python of Home; "" together with Home
	Path               []string // --python-path: directories for site.addsitedir, before everything but WorkingDirectory
	Warnings           []string // warning filters in the syntax of python -W, in order
	StackSize          int64    // bytes of stack of a Python thread; 0: the system's default
	SwitchInterval     float64  // seconds for sys.setswitchinterval; 0: Python's default
	DestroyInterpreter bool     // at exit run atexit, join threads and finalize; false for --orphan-interpreter
	OwnGIL             bool     // application groups other than the main interpreter get a GIL of their own
	FreeThreading      bool     // run without the GIL
}

// Pair is one --setenv or --passenv.
type Pair struct{ Key, Value string }

// Timeouts are how long gild waits for others. None is unlimited: 0 keeps its meaning of mod_wsgi-express on the
// command line, but has been replaced here by the timeout that applies instead. KeepAlive is the one exception.
type Timeouts struct {
	KeepAlive      time.Duration // for the next request on an open connection; 0: connections are closed after one
	Header         Pace          // for request line and header fields
	Body           Pace          // for a request body
	Socket         time.Duration // for a single byte of either, and what stands in for Header.Timeout and ResponseSocket where 0 was asked for
	ResponseSocket time.Duration // for the client to take some more of a response
	Proxy          time.Duration // for the server behind a proxy: to accept a connection, to take and to send some more

	Shutdown time.Duration // for requests that run when the server is told to stop, where no process group says so; 0: they are aborted at once
	Graceful time.Duration // the same when the server is to be replaced; 0: as Shutdown
}

// Log says what is logged and where. Log.AccessFormat and Log.ErrorFormat are Apache's LogFormat and ErrorLogFormat.
type Log struct {
	Level        string // as Apache's LogLevel: a level, and "module:level" for modules with their own, such as "warn wsgi:info"
	Directory    string // absolute; exists, or is to be made
	ToTerminal   bool   // error log to standard error, access log to standard output
	ErrorLog     string // absolute path; "" is standard error
	ErrorFormat  string // "" is Apache's default format; "json"
	AccessLog    string // absolute path; "-" is standard output; "" is no access log
	AccessFormat string // a format string, nicknames expanded, or "json"
	Rotate       int64  // bytes of a log file after which another is begun; 0: logs are not rotated
	Keep         int    // files of each log that are kept when they are rotated; 0: all
	StartupLog   string // absolute path of the log for what happens before the error log is open; "" is standard error
}

// Credential is an identity for a process: numbers, because names are resolved once.
type Credential struct {
	UID, GID uint32
	Groups   []uint32 // supplementary groups
}

// Separated reports whether the processes become another user than the supervisor, which is root then: what only root can read
// is kept from them.
func (c *Config) Separated() bool { return c.Credential != nil && c.Credential.UID != 0 }

// Listener is a socket to open before the workers start.
type Listener struct {
	Network string // "tcp" or "udp"
	Address string // "host:port" for net.Listen and net.ListenPacket; the host is "" for every interface
	Scheme  string // "http" or "https"
}

// Listeners are the sockets to listen on. Their order is the order in which the descriptors are passed to workers.
func (c *Config) Listeners() []Listener {
	listeners := []Listener{{Network: "tcp", Address: net.JoinHostPort(c.Host, strconv.Itoa(c.Port)), Scheme: "http"}}
	if c.HTTPS != nil {
		listeners = append(listeners, Listener{Network: "tcp", Address: net.JoinHostPort(c.Host, strconv.Itoa(c.HTTPS.Port)), Scheme: "https"})
	}
	return listeners
}

// ClientsPerProcess is how many of MaxClients one process that speaks HTTP may have open: the front all of them, a
// worker of embedded mode its share, rounded up. Workers accept from one queue, so what a full one leaves there another
// takes.
func (c *Config) ClientsPerProcess() int {
	if !c.Embedded {
		return c.MaxClients
	}
	workers := c.Groups[c.Application.ProcessGroup].MaximumProcesses
	return (c.MaxClients + workers - 1) / workers
}
