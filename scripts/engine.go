package scripts

import (
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
	permit *permission // nil: there is no permission script
	config *config.Config
	fixed  *cpython.Block // keys of every environ of this configuration
	https  bool           // wsgi.url_scheme is https, whatever the connection is
	ssl    *sslEnviron    // nil: not asked for
	log    logs.Logger
	target string
}

// group is a process group as the front sees it.
type group struct {
	*config.ProcessGroup
	pool   *cpython.Pool
	seats  bool            // connections have threads of their own
	ignore map[string]bool // paths whose requests are no activity
}

// NewEngine returns the front for the process groups of c, whose pools are given in the same order.
func NewEngine(c *config.Config, pools []*cpython.Pool, log logs.Logger) *Engine {
	e := &Engine{config: c, log: log, target: targetName(c), fixed: fixedEnviron(c), https: claimsHTTPS(c)}
	for i, pool := range pools {
		g := &group{ProcessGroup: &c.Groups[i], pool: pool, seats: hasSeats(c, &c.Groups[i]), ignore: map[string]bool{}}
		for _, path := range g.IgnoreActivity {
			g.ignore[path] = true
		}
		e.groups = append(e.groups, g)
	}
	e.permit = permissionOf(c, e.groups)
	return e
}

// groupFor is the process group that serves a request.
func (e *Engine) groupFor(*server.Exchange) *group {
	return e.groups[e.config.Application.ProcessGroup]
}
