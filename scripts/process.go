package scripts

import (
	"math/rand/v2"
	"strings"

	"gild/config"
	"gild/cpython"
	"gild/logs"

	"github.com/pkg/errors"
)

// Place is where a Python process stands.
type Place struct {
	Arena      *cpython.Arena
	Group      int // index into config.Config.Groups
	Record     int // in the arena
	Generation int // of the configuration
	LogFD      int // the log socket (package logs), for what Python code writes
	Level      logs.Level
}

// Python is the Python of this process with the applications of its process group in it.
type Python struct {
	*cpython.Python
	contents
}

// StartPython starts Python and loads what the group is there for: the application or scripts that gild asks, or all where
// they share a process. One that cannot be loaded is no error: LoadError and SideError say why, and requests are answered
// 500. It takes no requests until the front lets it.
func StartPython(c *config.Config, at Place) (*Python, error) {
	g := &c.Groups[at.Group]
	all := contentsOf(c, g)
	p, err := cpython.Start(at.Arena, at.Record, cpython.Config{
		Threads:          g.Threads,
		StackSize:        c.Python.StackSize,
		Executable:       executable(c),
		Home:             home(c),
		Warnings:         c.Python.Warnings,
		FreeThreading:    c.Python.FreeThreading,
		SkipFinalize:     !c.Python.DestroyInterpreter,
		Multiprocess:     g.Multiprocess(),
		RunOnce:          g.RunOnce(),
		Prelude:          prelude,
		Settings:         settingsOf(c, g),
		ServerSoftware:   ServerSoftware,
		LogFD:            at.LogFD,
		LogLevel:         int(at.Level),
		Interpreters:     all.interpreters,
		Applications:     all.applications,
		ProcessGroup:     processGroup(c, g),
		Generation:       at.Generation,
		MaximumProcesses: g.MaximumProcesses,
		MaximumRequests:  maximumRequests(g),
		QueueTimeout:     g.Timeouts.Queue,
		ScriptReloading:  c.ScriptReloading,
		ServerMetrics:    c.ServerMetrics,
	})
	if err != nil {
		return nil, errors.Wrap(err, "scripts")
	}
	return &Python{p, all}, nil
}

// processGroup is mod_wsgi.process_group: embedded mode has none.
func processGroup(c *config.Config, g *config.ProcessGroup) string {
	if c.Embedded {
		return ""
	}
	return g.Name
}

// maximumRequests is the number for one process. It differs between processes that started together, so that they do not all
// leave together.
func maximumRequests(g *config.ProcessGroup) int {
	if g.MaximumRequests == 0 || g.MaximumRequestsJitter == 0 {
		return g.MaximumRequests
	}
	return max(1, g.MaximumRequests-rand.IntN(g.MaximumRequestsJitter+1))
}

// LoadError returns why the process cannot do what it is there for, as text for the log with the traceback at its end, or "".
func (p *Python) LoadError() string {
	if p.scripts[0].question != "" {
		return p.loadErrors(0)
	}
	if p.scripts[0].handles != "" {
		return "" // other handlers may be all right, and each is loaded again when it has changed
	}
	if text := p.ApplicationError(0); text != "" {
		return "WSGI script '" + p.applications[0].Name + "' cannot be loaded: requests that reach this process are answered 500.\n" + text
	}
	return ""
}

// SideError returns the same of what a process runs beside the application, or "": handlers of files and, in embedded mode, scripts
// that gild asks.
func (p *Python) SideError() string {
	if p.scripts[0].question != "" {
		return ""
	}
	if p.scripts[0].handles != "" {
		return p.loadErrors(0)
	}
	return p.loadErrors(1)
}

// loadErrors are those of the scripts that gild asks, from one of the applications on.
func (p *Python) loadErrors(first int) string {
	var all []string
	for i, s := range p.scripts {
		if i < first {
			continue
		}
		if text := p.ApplicationError(i); text != "" {
			all = append(all, s.title()+" '"+s.path+"' cannot be loaded: "+s.without+".\n"+text)
		}
	}
	return strings.Join(all, "\n")
}
