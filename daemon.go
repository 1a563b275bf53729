package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"

	"golang.org/x/sys/unix"
)

// daemonProcess is a process that runs Python for a process group. It takes requests from the arena of the group.
type daemonProcess struct {
	*child
	*mpm.Usage
	group   *config.ProcessGroup
	arena   *cpython.Arena
	python  *scripts.Python
	monitor *mpm.Monitor
	reason  string         // why it is about to leave: shutdown_reason of the event process_stopping
	leave   chan string    // the process wants to leave by itself, for that reason
	ends    chan os.Signal // TERM and INT
	others  chan os.Signal // those that a process survives; while it loads the application they wait
}

func runDaemon(c *child) error {
	d := &daemonProcess{child: c, group: &c.config.Groups[c.Group], leave: make(chan string, 1)}
	d.listen()
	if err := d.settle(); err != nil {
		return err
	}
	if err := d.start(); err != nil {
		return err
	}
	report(d.child, d.python)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.watch(ctx)
	return d.obey()
}

// settle opens the arena and gives the process its limits and its identity. After that it may not see /proc any more.
func (d *daemonProcess) settle() error {
	files, err := d.take(cpython.FilesPerArena)
	if err != nil {
		return err
	}
	if d.arena, err = cpython.OpenArena(scripts.Geometry(d.config, d.group), files); err != nil {
		return err
	}
	if d.Usage, err = mpm.OpenUsage(); err != nil {
		return err
	}
	if err := mpm.ApplyLimits(resources(d.config, d.group)); err != nil {
		return err
	}
	return d.become()
}

// resources are the limits of a group that the kernel enforces. Stacks are part of what the process will map.
func resources(c *config.Config, g *config.ProcessGroup) mpm.Resources {
	stack := c.Python.StackSize
	if stack == 0 {
		stack = 8 << 20
	}
	return mpm.Resources{
		CPUTime:       g.CPUTimeLimit,
		CPUPriority:   g.CPUPriority,
		Memory:        g.MemoryLimit,
		VirtualMemory: g.VirtualMemoryLimit,
		Room:          stack * int64(g.Threads),
		Umask:         g.Umask,
	}
}

// needsRoot reports whether the processes of a group have to be started as root, to do themselves what only root may do,
// and to become who they are after that.
func needsRoot(g *config.ProcessGroup) bool {
	return g.Credential != nil && (g.Chroot != "" || g.CPUPriority < 0)
}

// become makes a process that was started as root the one that it should be.
func (d *daemonProcess) become() error {
	switch {
	case !needsRoot(d.group):
		return nil
	case d.group.Chroot != "":
		return enter(d.group.Chroot, d.group.Home, *d.group.Credential)
	}
	return become(*d.group.Credential)
}

// start starts Python, while the supervisor may lose patience.
func (d *daemonProcess) start() error {
	d.printf(logs.Info, "wsgi", "Starting daemon process '%s' with uid=%d, gid=%d and threads=%d.",
		d.group.Name, os.Getuid(), os.Getgid(), d.group.Threads)
	started := make(chan error, 1)
	go func() {
		python, err := scripts.StartPython(d.config, scripts.Place{
			Arena: d.arena, Group: d.Group, Record: d.Record, Generation: d.Generation, LogFD: d.LogFD, Level: d.levels.Of("wsgi")})
		d.python = python
		started <- err
	}()
	select {
	case err := <-started:
		return err
	case message, ok := <-d.Messages:
		if !ok {
			return errors.New("the supervisor is gone")
		}
		d.giveUp("was told to " + message)
	case s := <-d.ends:
		d.giveUp("got the signal " + unix.SignalName(s.(syscall.Signal)))
	}
	return nil
}

// giveUp ends the process although Python is in the middle of something, on its own thread.
func (d *daemonProcess) giveUp(why string) {
	d.printf(logs.Info, "wsgi", "Exiting daemon process '%s', which %s while it loaded the application.", d.group.Name, why)
	d.log.Close()
	os.Exit(0)
}

// report tells the supervisor how the application came up. What an embedded process runs beside it does not count.
func report(c *child, python *scripts.Python) {
	if text := python.SideError(); text != "" {
		c.printf(logs.Error, "wsgi", "%s", text)
	}
	text := python.LoadError()
	if text == "" {
		_ = c.Ready() // if the supervisor is gone, Messages says so
		return
	}
	c.printf(logs.Error, "wsgi", "%s", text)
	_ = c.Failed(text)
}

// listen takes the signals that a daemon process knows (section 6.3 of the reference), before anybody can think that it serves.
// WINCH is for the supervisor.
func (d *daemonProcess) listen() {
	d.ends, d.others = make(chan os.Signal, 1), make(chan os.Signal, 8)
	signal.Notify(d.ends, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(d.others, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR2)
	signal.Ignore(syscall.SIGWINCH)
}

// obey serves until it is time to leave.
func (d *daemonProcess) obey() error {
	for {
		select {
		case message, ok := <-d.Messages:
			if !ok {
				return errors.New("the supervisor is gone")
			}
			if d.hear(message) {
				return nil
			}
		case want := <-d.python.Attention():
			d.Renew(want)
		case reason := <-d.leave:
			_ = d.Say("leaving %s", reason)
			d.stop(reason)
			return nil
		case <-d.ends:
			d.printf(logs.Info, "wsgi", "Shutdown requested for daemon process '%s'.", d.group.Name)
			d.Leave("shutdown_signal")
		case s := <-d.others:
			d.onSignal(s)
		}
	}
}

// hear does what the supervisor says. It returns true when the process has nothing left to do.
func (d *daemonProcess) hear(message string) bool {
	verb, rest, _ := strings.Cut(message, " ")
	switch verb {
	case "stop":
		d.stop("shutdown_signal")
		return true
	case "drain":
		d.drain(rest)
		return true
	case "resume":
		d.reason = ""
		d.python.Reopen()
		d.monitor.Resume()
	default:
		d.printf(logs.Error, "core", "The supervisor said %.40q, which a daemon does not know.", message)
	}
	return false
}

func (d *daemonProcess) onSignal(s os.Signal) {
	if s == syscall.SIGUSR1 {
		d.Renew("eviction_signal")
		return
	}
	number := s.(syscall.Signal)
	go d.ask("process_signal", unix.SignalName(number)+" "+strconv.Itoa(int(number)))
}

// ---- the end ---------------------------------------------------------------------------------------------------------

// drain takes no more requests and finishes those that run.
func (d *daemonProcess) drain(text string) {
	d.python.Close()
	deadline := time.Now().Add(d.seconds(text))
	for d.isBusy() && time.Now().Before(deadline) {
		select {
		case message, ok := <-d.Messages:
			if !ok || message == "stop" {
				deadline = time.Now()
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
	if !d.isBusy() {
		d.printf(logs.Info, "wsgi", "Requests have completed; triggering immediate shutdown of daemon process '%s'.", d.group.Name)
	}
	d.stop("graceful_signal")
}

func (d *daemonProcess) isBusy() bool {
	for _, t := range d.python.Threads() {
		if t.Busy {
			return true
		}
	}
	return false
}

// stop tells the application and ends Python.
func (d *daemonProcess) stop(reason string) {
	if d.reason == "" {
		d.reason = reason
	}
	d.printf(logs.Info, "wsgi", "Stopping process '%s'.", d.group.Name)
	d.python.Close()
	d.ask("process_stopping", d.reason)
	stopPython(d.child, d.python, d.group.Timeouts.Shutdown)
	d.printf(logs.Info, "wsgi", "Exiting daemon process '%s'.", d.group.Name)
}

// stopPython ends Python within the time given. A process whose application takes longer ends without it.
func stopPython(c *child, python *scripts.Python, patience time.Duration) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		python.Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(patience):
		c.printf(logs.Notice, "wsgi", "Shutdown timeout expired; requests, threads or atexit functions of the application are still running and are aborted.")
		c.log.Close()
		os.Exit(0)
	}
}
