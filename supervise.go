package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"gild/config"
	"gild/logs"
	"gild/mpm"
	"gild/tls"

	"golang.org/x/sys/unix"
)

// supervise runs the server that c describes until it is stopped.
func supervise(c *config.Config) error {
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
	return logs.OpenAppend(c.Log.StartupLog)
}

func superviseChecked(c *config.Config, startup *os.File) error {
	signal.Ignore(unix.SIGXFSZ) // a log as long as RLIMIT_FSIZE allows is as bad as a full disk, and no worse
	if err := c.Check(); err != nil {
		return err
	}
	if err := inspect(c); err != nil {
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
	sockets := newSocketStore(writer)
	defer sockets.close()
	keeper := tls.NewKeeper(writer)
	planner := newPlanner(sockets, keeper, writer)
	plan, err := planner.plan(c)
	if err != nil {
		return err
	}
	interval, err := watchdog()
	if err != nil {
		return err
	}
	var supervisor *mpm.Supervisor
	supervisor, err = mpm.New(mpm.Options{
		Plan:     plan,
		Reload:   func() (*mpm.Plan, error) { return planner.reload(supervisor.Plan()) },
		Adopt:    planner.adopt,
		Retire:   planner.retire,
		Reopen:   writer.Reopen,
		PidFile:  c.PidFile,
		Terminal: isTerminal(os.Stdin) || isTerminal(os.Stdout),
		Log:      writer,
		ServeLog: writer.Serve,
		Stderr:   startup,
		Notify:   notifier(writer),
		Watchdog: interval,
	})
	if err != nil {
		return err
	}
	announce(c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go keeper.Run(ctx)
	return supervisor.Run()
}

// announce prints what was understood.
func announce(c *config.Config) {
	for _, warning := range c.Warnings {
		fmt.Fprintln(os.Stderr, "gild: warning:", warning)
	}
	fmt.Print(config.Banner(c))
}

// makeDirectories makes what gild writes to; for certificates there is openStorage. They belong to whom the workers run as.
func makeDirectories(c *config.Config) error {
	dirs := append([]string{c.ServerRoot, c.Log.Directory, filepath.Dir(c.PidFile)}, logDirectories(c)...)
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if err := makeDirectory(dir, c.Credential); err != nil {
			return err
		}
	}
	return nil
}

// makeDirectory makes a directory of the user that the workers run as, unless it is there. The directory above it may be that
// user's already, who could put a link in its place before it is given away: so links are not followed then.
func makeDirectory(dir string, owner *config.Credential) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil || owner == nil {
		return err
	}
	return os.Lchown(dir, int(owner.UID), int(owner.GID))
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
