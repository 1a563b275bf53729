package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"gild/config"
	"gild/logs"
	"gild/mpm"
	"gild/server"
)

// ballast is memory that is never touched and so costs none, but counts as heap: Go then collects after each 32 MB or so
// of garbage and not after each 4 MB, which a front makes in a few thousand requests. A large heap is collected as
// usual, unlike with a large GOGC.
const ballast = 32 << 20

// child is a process that the supervisor has started, whatever its role.
type child struct {
	*mpm.Parent
	config *config.Config
	log    *logs.Client
	levels logs.Levels
	heap   []byte
	nonces *server.Nonces // nil: users are not known by Digest

	closers []func() // what is to be ended when the site has finished its requests
}

// roles are the first arguments of the processes that the supervisor starts. They are for gild itself: such a process
// needs the descriptors of its supervisor.
var roles = map[string]func(*child) error{
	frontVerb:  runFront,
	daemonVerb: runDaemon,
	workerVerb: runWorker,
}

// The roles.
const (
	frontVerb  = "front"
	daemonVerb = "daemon"
	workerVerb = "worker"
)

// runChild is the life of such a process. It returns the exit status.
func runChild(verb string) int {
	c, err := inherit()
	if err != nil {
		return usage(verb + " is for gild's own use: " + err.Error() + ".")
	}
	defer c.log.Close()
	defer runtime.KeepAlive(c.heap)
	if err := roles[verb](c); err != nil {
		logs.Printf(c.log, logs.Crit, "core", "%v", err)
		return statusFailed
	}
	return 0
}

// inherit takes over what the supervisor has given.
func inherit() (*child, error) {
	parent, err := mpm.Inherit()
	if err != nil {
		return nil, err
	}
	c := &child{Parent: parent, config: new(config.Config), heap: make([]byte, ballast)}
	if err := json.Unmarshal(parent.Config, c.config); err != nil {
		return nil, err
	}
	if c.levels, err = logLevels(c.config); err != nil {
		return nil, err
	}
	c.log = logs.NewClient(parent.LogFD, c.levels)
	return c, nil
}

// take removes the first n of the inherited files.
func (c *child) take(n int) ([]*os.File, error) {
	if n > len(c.Files) {
		return nil, fmt.Errorf("the supervisor passed %d files too few", n-len(c.Files))
	}
	files := c.Files[:n]
	c.Files = c.Files[n:]
	return files, nil
}

// printf logs for the process.
func (c *child) printf(level logs.Level, module, format string, args ...any) {
	logs.Printf(c.log, level, module, format, args...)
}

// seconds is the time that the supervisor gives; none if it makes no sense.
func (c *child) seconds(text string) time.Duration {
	patience, err := mpm.Seconds(text)
	if err != nil {
		c.printf(logs.Error, "core", "The supervisor gives time to leave: %v", err)
	}
	return patience
}
