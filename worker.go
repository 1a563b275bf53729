package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"gild/cpython"
	"gild/logs"
	"gild/scripts"
)

// worker is a process of embedded mode: front and Python in one.
type worker struct {
	*child
	python *scripts.Python
	site   *site
	failed chan error
	left   chan struct{} // nil until it begins to leave, closed when it has
}

func runWorker(c *child) error {
	w := &worker{child: c, failed: make(chan error, 1)}
	if err := w.build(); err != nil {
		return err
	}
	w.site.obtain()
	go func() {
		if err := w.site.server.Serve(); err != nil {
			w.failed <- err
		}
	}()
	report(w.child, w.python)
	return w.obey()
}

// build starts Python and puts a front before it.
func (w *worker) build() error {
	group := &w.config.Groups[w.Group]
	if group.Umask != nil {
		syscall.Umask(*group.Umask)
	}
	sockets, err := w.takeSockets()
	if err != nil {
		return err
	}
	certificates, err := w.takeCertificates()
	if err != nil {
		return err
	}
	if err := w.takeNonces(); err != nil {
		return err
	}
	arena, err := cpython.NewArena(scripts.Geometry(w.config, group))
	if err != nil {
		return err
	}
	w.python, err = scripts.StartPython(w.config, scripts.Place{
		Arena: arena, Group: w.Group, Generation: w.Generation, LogFD: w.LogFD, Level: w.levels.Of("wsgi")})
	if err != nil {
		return err
	}
	pools := []*cpython.Pool{cpython.NewPool(arena, scripts.PoolConfig(w.config, group, nil))}
	if w.site, err = w.newSite(sockets, certificates, pools, newBoard(w.config, w.Generation)); err != nil {
		return err
	}
	w.open(pools[0])
	return nil
}

// open lets requests come, also when the application could not be loaded: then they are told so.
func (w *worker) open(pool *cpython.Pool) {
	state := cpython.Ready
	if w.python.LoadError() != "" {
		state = cpython.Failed
	}
	pool.Process(0, syscall.Getpid(), state)
}

// obey serves until the supervisor says stop.
func (w *worker) obey() error {
	for {
		select {
		case message, ok := <-w.Messages:
			if !ok {
				return errors.New("the supervisor is gone")
			}
			verb, rest, _ := strings.Cut(message, " ")
			if verb == "stop" || verb == "drain" {
				w.hearStop(verb == "drain", rest)
				continue
			}
			w.printf(logs.Error, "core", "The supervisor said %.40q, which a worker does not know.", message)
		case err := <-w.failed:
			return fmt.Errorf("connections cannot be accepted: %w", err)
		case <-w.python.Attention(): // embedded mode has no limits
		case <-w.left:
			return nil
		}
	}
}

// hearStop begins to leave. A stop may follow when the first takes too long.
func (w *worker) hearStop(lossless bool, text string) {
	switch {
	case w.left == nil:
		w.left = make(chan struct{})
		go w.finish(lossless, text)
	case !lossless:
		go w.site.hasten(w.child, text)
	}
}

// finish lets running requests end, and then Python. The supervisor kills who takes longer.
func (w *worker) finish(lossless bool, text string) {
	defer close(w.left)
	w.site.leave(w.child, lossless, text)
	stopPython(w.child, w.python, w.config.Groups[w.Group].Timeouts.Shutdown)
}
