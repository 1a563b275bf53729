package scripts

import (
	"sync"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/server"
)

// ServerSoftware is SERVER_SOFTWARE in the environ and the Server header, as Apache's under "ServerTokens Prod".
const ServerSoftware = "gild"

// Engine is the front of the configured application: an http.Handler for package server, which passes each request on to
// the process group that runs the application.
type Engine struct {
	groups []*group
	config *config.Config
	fixed  *cpython.Block // keys of every environ of this configuration
	ssl    *sslEnviron    // nil: not asked for
	log    logs.Logger
	target string
	script string // file of the application, for the log; "" is a module

	questions map[string]*question // that scripts can be asked
	asked     *cpython.Block       // keys of every environ of these questions
	lookup    *sslEnviron          // what they may ask mod_ssl for; nil: there is no HTTPS
	handlers  map[string]handler   // of files, by extension
	copies    copies               // of what is being written
	store     store                // of responses to slow clients

	deliveries, smallBodies sync.Pool // to be used again
}

// group is a process group as the front sees it.
type group struct {
	*config.ProcessGroup
	pool   *cpython.Pool
	seats  bool            // connections have threads of their own
	ignore map[string]bool // paths whose requests are no activity
}

// hasWaiting reports whether requests wait for a thread.
func (g *group) hasWaiting() bool { return g.pool.Queued() > 0 }

// NewEngine returns the front for the process groups of c, whose pools are given in the same order.
func NewEngine(c *config.Config, pools []*cpython.Pool, log logs.Logger) *Engine {
	e := &Engine{config: c, log: log, store: store{log: log}, target: targetName(c), fixed: fixedEnviron(c)}
	if c.Application.Type == config.Script {
		e.script = c.Application.Target
	}
	for i, pool := range pools {
		g := &group{ProcessGroup: &c.Groups[i], pool: pool, seats: hasSeats(c, &c.Groups[i]), ignore: map[string]bool{}}
		for _, path := range g.IgnoreActivity {
			g.ignore[path] = true
		}
		e.groups = append(e.groups, g)
	}
	e.questions, e.asked = questionsOf(c, e.groups), questionBlock()
	e.handlers = handlersOf(c)
	return e
}

// groupFor is the process group that serves a request.
func (e *Engine) groupFor(*server.Exchange) *group {
	return e.groups[e.config.Application.ProcessGroup]
}
