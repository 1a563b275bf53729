package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"gild/config"
	"gild/logs"
	"gild/mpm"

	"golang.org/x/sys/unix"
)

// workerVerb is the first argument of a worker. It is for gild itself: a worker needs the descriptors of its
// supervisor.
const workerVerb = "worker"

// supervise runs the server that c describes until it is stopped.
func supervise(c *config.Config) error {
	c.Embedded = true // until there are daemon processes
	startup, err := openStartupLog(c)
	if err != nil {
		return err
	}
	err = superviseChecked(c, startup)
	if err != nil && startup != os.Stderr {
		fmt.Fprintf(startup, "gild: error: %v\n", err)
	}
	return err
}

// openStartupLog is where errors go as well before the error log is open (--startup-log).
func openStartupLog(c *config.Config) (*os.File, error) {
	if c.Log.StartupLog == "" {
		return os.Stderr, nil
	}
	if err := makeDirectories(c); err != nil {
		return nil, err
	}
	return os.OpenFile(c.Log.StartupLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

func superviseChecked(c *config.Config, startup *os.File) error {
	if err := c.Check(); err != nil {
		return err
	}
	if err := makeDirectories(c); err != nil {
		return err
	}
	writer, err := openLogs(c)
	if err != nil {
		return err
	}
	defer writer.Close()
	listeners, err := listen(c)
	if err != nil {
		return err
	}
	model, err := json.Marshal(c)
	if err != nil {
		return err
	}
	group := &c.Groups[c.Application.ProcessGroup]
	supervisor, err := mpm.New(mpm.Options{
		Name:            fmt.Sprintf("%s:%d", displayHost(c), c.Port),
		Args:            []string{processName(c), workerVerb},
		Env:             workerEnvironment(c),
		Dir:             c.WorkingDirectory,
		Credential:      credential(group),
		Config:          model,
		Listeners:       listeners,
		Workers:         group.Processes,
		ShutdownTimeout: group.Timeouts.Shutdown,
		PidFile:         c.PidFile,
		Terminal:        isTerminal(os.Stdin) || isTerminal(os.Stdout),
		Log:             writer,
		ServeLog:        writer.Serve,
		Reopen:          writer.Reopen,
		Stderr:          startup,
	})
	if err != nil {
		return err
	}
	announce(c)
	return supervisor.Run()
}

// announce prints what was understood.
func announce(c *config.Config) {
	for _, warning := range c.Warnings {
		fmt.Fprintln(os.Stderr, "gild: warning:", warning)
	}
	fmt.Print(config.Banner(c))
}

func openLogs(c *config.Config) (*logs.Writer, error) {
	level, err := logLevel(c)
	if err != nil {
		return nil, err
	}
	format, err := logs.ParseErrorFormat(c.Log.ErrorFormat)
	if err != nil {
		return nil, fmt.Errorf("--error-log-format: %w", err)
	}
	if _, err := logs.ParseAccessFormat(c.Log.AccessFormat); c.Log.AccessLog != "" && err != nil {
		return nil, fmt.Errorf("--access-log-format: %w", err)
	}
	return logs.OpenWriter(logs.Options{ErrorLog: c.Log.ErrorLog, AccessLog: c.Log.AccessLog, Level: level, ErrorFormat: format})
}

// logLevel is the level of the error log. Notices are always kept, as in Apache's log files: they say that the server
// started and stopped, and nobody would look for them elsewhere.
func logLevel(c *config.Config) (logs.Level, error) {
	level, err := logs.ParseLevel(c.Log.Level)
	return max(level, logs.Notice), err
}

// makeDirectories makes what gild writes to. The server root belongs to whom the workers run as.
func makeDirectories(c *config.Config) error {
	for _, dir := range []string{c.ServerRoot, c.Log.Directory, filepath.Dir(c.PidFile)} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if c.Credential != nil {
			if err := os.Chown(dir, int(c.Credential.UID), int(c.Credential.GID)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listen opens the sockets. They outlive the workers, so that a connection made while none is there waits in the
// backlog instead of being refused.
func listen(c *config.Config) ([]*os.File, error) {
	var files []*os.File
	for _, l := range c.Listeners() {
		listener, err := new(net.ListenConfig).Listen(context.Background(), l.Network, l.Address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w; %s", l.Address, err, advice(err))
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			return nil, err
		}
		listener.Close() // the file is the same socket
		// The backlog can be set again, and net has no way to ask for one.
		if err := unix.Listen(int(file.Fd()), c.ServerBacklog); err != nil {
			return nil, fmt.Errorf("--server-backlog: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// advice says what may help against an error of listen.
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "is another server running there? --host and --port choose another address"
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 are for root: start gild as root with --user and --group, or choose another --port"
	}
	return "--host and --port choose another address"
}

func displayHost(c *config.Config) string {
	if c.Host == "" {
		return "localhost"
	}
	return c.Host
}

func processName(c *config.Config) string {
	if c.ProcessName == "" {
		return "gild"
	}
	return c.ProcessName
}

func workerEnvironment(c *config.Config) []string {
	env := os.Environ()
	if c.Locale != "" {
		env = append(env, "LANG="+c.Locale, "LC_ALL="+c.Locale)
	}
	return env
}

func credential(g *config.ProcessGroup) *syscall.Credential {
	if g.Credential == nil {
		return nil
	}
	return &syscall.Credential{Uid: g.Credential.UID, Gid: g.Credential.GID, Groups: g.Credential.Groups}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
