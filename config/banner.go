package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Banner says at start what was understood, one line each: those of mod_wsgi-express, in its order, as far as they
// have a meaning here, and then what gild adds. The text ends with a line feed.
func Banner(c *Config) string {
	var b strings.Builder
	line := func(label, value string) { fmt.Fprintf(&b, "%-19s: %s\n", label, value) }
	line("Server URL", c.url())
	if c.HTTPS != nil {
		line("Server URL (HTTPS)", c.httpsURL())
	}
	if c.ServerStatus {
		line("Server Status", c.url()+"server-status")
	}
	line("Server Root", c.ServerRoot)
	line("Error Log File", fmt.Sprintf("%s (%s)", logName(c.Log.ErrorLog, "/dev/stderr"), c.Log.Level))
	if c.Log.AccessLog != "" {
		line("Access Log File", logName(c.Log.AccessLog, "/dev/stdout"))
	}
	if c.Log.StartupLog != "" {
		line("Startup Log File", c.Log.StartupLog)
	}
	if c.Rewrite.File != "" {
		line("Rewrite Rules", c.Rewrite.File)
	}
	if c.Application.ProcessGroup != NoGroup {
		line("Operating Mode", c.mode())
		line("Request Capacity", c.capacity())
	}
	if !c.Embedded && c.Application.ProcessGroup != NoGroup {
		c.daemonLines(line)
	}
	line("Server Backlog", fmt.Sprintf("%d (connections)", c.ServerBacklog))
	line("Locale Setting", c.Locale)
	c.siteLines(line)
	line("Application", c.served())
	if c.Python.Home != "" {
		line("Python Home", c.Python.Home)
	}
	if c.MetricsAddress != "" {
		line("Metrics", "http://"+reachable(c.MetricsAddress)+"/metrics")
	}
	if c.HTTPS != nil {
		c.httpsLines(line)
	}
	return b.String()
}

// daemonLines are about daemon processes.
func (c *Config) daemonLines(line func(label, value string)) {
	g := &c.Groups[c.Application.ProcessGroup]
	line("Request Timeout", inSeconds(g.Timeouts.Request))
	if g.Timeouts.Interrupt > 0 {
		line("Interrupt Timeout", inSeconds(g.Timeouts.Interrupt))
	}
	if g.Timeouts.Startup > 0 {
		line("Startup Timeout", inSeconds(g.Timeouts.Startup))
	}
	line("Queue Backlog", fmt.Sprintf("%d (connections)", g.Backlog))
	line("Queue Timeout", inSeconds(g.Timeouts.Queue))
	line("Server Capacity", fmt.Sprintf("%d (%s)", c.MaxClients, c.MPM))
}

// reachable is an address to listen on as one to connect to from this machine.
func reachable(address string) string {
	if strings.HasPrefix(address, ":") {
		return "localhost" + address
	}
	return address
}

// inSeconds is a time as it is given on the command line.
func inSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " (seconds)"
}

// logName is the path of a log, or terminal for one that is no file.
func logName(path, terminal string) string {
	if path == "" || path == "-" {
		return terminal
	}
	return path
}

// mode is how processes are laid out.
func (c *Config) mode() string {
	if c.Embedded {
		return "embedded"
	}
	return "daemon"
}

// capacity is how many requests the application can handle at once.
func (c *Config) capacity() string {
	g := &c.Groups[c.Application.ProcessGroup]
	return fmt.Sprintf("%d (%s * %s)", g.MaximumProcesses*g.Threads, plural(g.MaximumProcesses, "process"), plural(g.Threads, "thread"))
}

// served is the application in a few words.
func (c *Config) served() string {
	if c.Application.Type == Static {
		return "none (files only)"
	}
	if c.Application.Target == "" {
		return "the built-in welcome application"
	}
	return fmt.Sprintf("%s (%s)", c.Application.Target, c.Application.Type)
}
