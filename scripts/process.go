package scripts

import (
	"math/rand/v2"

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
	target string
}

// StartPython starts Python and loads the application. An application that cannot be loaded is no error: LoadError says why,
// and requests are answered 500. It takes no requests until the front lets it.
func StartPython(c *config.Config, at Place) (*Python, error) {
	interpreters, index := interpretersOf(c)
	g := &c.Groups[at.Group]
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
		Settings:         settingsOf(c),
		ServerSoftware:   ServerSoftware,
		LogFD:            at.LogFD,
		LogLevel:         int(at.Level),
		Interpreters:     interpreters,
		Applications:     applicationsOf(c, index),
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
	return &Python{p, targetName(c)}, nil
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

// LoadError returns why the application could not be loaded, traceback included, or "".
func (p *Python) LoadError() string { return p.ApplicationError(0) }

// Target is what was to be loaded, for messages.
func (p *Python) Target() string { return p.target }
