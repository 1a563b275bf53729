package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"gild/config"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"
	"gild/server"
)

// ballast is memory that is never touched and so costs none, but counts as heap: Go then collects after each 32 MB or so
// of garbage and not after each 4 MB, which a worker makes in a few thousand requests. A large heap is collected as
// usual, unlike with a large GOGC.
const ballast = 32 << 20

// work is the life of a worker.
func work() int {
	parent, err := mpm.Inherit()
	if err != nil {
		return usage("worker is for gild's own use: " + err.Error() + ".")
	}
	c := new(config.Config)
	if err := json.Unmarshal(parent.Config, c); err != nil {
		return failed(err)
	}
	heap := make([]byte, ballast)
	defer runtime.KeepAlive(heap)
	if umask := c.Groups[c.Application.ProcessGroup].Umask; umask != nil {
		syscall.Umask(*umask)
	}
	level, err := logLevel(c)
	if err != nil {
		return failed(err)
	}
	client := logs.NewClient(parent.LogFD, level)
	defer client.Close()
	return serve(c, parent, client, level)
}

func serve(c *config.Config, parent *mpm.Parent, log *logs.Client, level logs.Level) int {
	engine, err := scripts.Start(c, log, parent.LogFD, level)
	if err != nil {
		logs.Printf(log, logs.Crit, "wsgi", "%v", err)
		return statusFailed
	}
	options, err := serverOptions(c, parent, log, engine)
	if err != nil {
		logs.Printf(log, logs.Crit, "core", "%v", err)
		return statusFailed
	}
	s := server.New(options)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Serve() }()
	report(parent, log, engine)
	select {
	case <-parent.Stop:
	case err := <-stopped:
		logs.Printf(log, logs.Crit, "core", "the worker cannot accept connections: %v", err)
		return statusFailed
	}
	if parent.Orphaned() {
		return statusFailed
	}
	finish(c, s, engine, log)
	return 0
}

// report tells the supervisor how the application came up.
func report(parent *mpm.Parent, log logs.Logger, engine *scripts.Engine) {
	text := engine.LoadError()
	if text == "" {
		_ = parent.Ready() // if the supervisor is gone, Stop says so
		return
	}
	message := fmt.Sprintf("WSGI script '%s' cannot be loaded: requests are answered 500 until a new process has loaded it.\n%s", engine.Target(), text)
	logs.Printf(log, logs.Error, "wsgi", "%s", message)
	_ = parent.Failed(message)
}

// finish lets running requests end, and then Python, as long as the shutdown timeout allows. The supervisor kills who
// takes longer.
func finish(c *config.Config, s *server.Server, engine *scripts.Engine, log *logs.Client) {
	deadline := time.Now().Add(c.Groups[c.Application.ProcessGroup].Timeouts.Shutdown)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		logs.Printf(log, logs.Notice, "core", "Shutdown timeout expired; requests that are still running are aborted.")
		return
	}
	stopped := make(chan struct{})
	go func() {
		engine.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		logs.Printf(log, logs.Notice, "wsgi", "Shutdown timeout expired; threads or atexit functions of the application are still running and are aborted.")
	}
}

func serverOptions(c *config.Config, parent *mpm.Parent, log *logs.Client, engine *scripts.Engine) (server.Options, error) {
	listeners, err := serverListeners(c, parent)
	if err != nil {
		return server.Options{}, err
	}
	access, err := accessLog(c, log)
	if err != nil {
		return server.Options{}, err
	}
	return server.Options{
		Listeners: listeners,
		Handler:   engine,
		Mount:     c.Application.MountPoint,
		Limits: server.Limits{
			Clients: c.ClientsPerProcess(),
			Head:    c.LimitRequestFieldSize,
			Fields:  c.LimitRequestFields,
			Body:    c.LimitRequestBody,
		},
		Timeouts: server.Timeouts{
			KeepAlive: c.Timeouts.KeepAlive,
			Header:    c.Timeouts.Header,
			Body:      c.Timeouts.Body,
			Write:     c.Timeouts.ResponseSocket,
		},
		ErrorLog:  log,
		AccessLog: access,
	}, nil
}

func serverListeners(c *config.Config, parent *mpm.Parent) ([]server.Listener, error) {
	var list []server.Listener
	for i, l := range c.Listeners() {
		if i >= len(parent.Listeners) {
			return nil, fmt.Errorf("the supervisor passed %d sockets, the configuration has more", len(parent.Listeners))
		}
		socket, err := net.FileListener(parent.Listeners[i])
		if err != nil {
			return nil, err
		}
		parent.Listeners[i].Close() // net has its own duplicate
		info := server.Info{Host: c.Host, Port: strconv.Itoa(c.Port), Scheme: l.Scheme, Addr: socket.Addr()}
		list = append(list, server.Listener{Socket: socket, Info: info})
	}
	return list, nil
}

func accessLog(c *config.Config, log *logs.Client) (*logs.AccessLog, error) {
	if c.Log.AccessLog == "" {
		return nil, nil
	}
	format, err := logs.ParseAccessFormat(c.Log.AccessFormat)
	if err != nil {
		return nil, fmt.Errorf("--access-log-format: %w", err)
	}
	return logs.NewAccessLog(format, log.Access), nil
}
