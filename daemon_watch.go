package main

import (
	"context"
	"strings"
	"time"

	"gild/cpython"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"
)

// watch starts what looks after the process: its limits, and changes of its code.
func (d *daemonProcess) watch(ctx context.Context) {
	t := &d.group.Timeouts
	d.monitor = mpm.NewMonitor(d.group.Name, mpm.Limits{
		RequestTimeout:   t.Request,
		InterruptTimeout: t.Interrupt,
		Threads:          d.group.Threads,
		Deadlock:         t.Deadlock,
		Inactivity:       t.Inactivity,
		RestartInterval:  d.group.RestartInterval,
		CPUTime:          d.group.CPUTimeLimit,
		Memory:           d.group.RSSLimit,
	}, d, d.log)
	go d.monitor.Run(ctx)
	if d.config.ReloadOnChanges {
		go d.watchFiles(ctx)
	}
}

// askTime is how long Python may take to answer the process itself.
const askTime = 2 * time.Second

func (d *daemonProcess) ask(function, argument string) (string, error) {
	answer, err := d.python.Ask(function, argument, askTime)
	if err != nil {
		d.printf(logs.Warn, "wsgi", "Process '%s' cannot run %s(): %v.", d.group.Name, function, err)
	}
	return answer, err
}

// Threads, Requests and GILAge are what the monitor looks at, beside CPU and RSS of mpm.Usage.
func (d *daemonProcess) Threads() []mpm.Thread {
	var list []mpm.Thread
	for _, t := range d.python.Threads() {
		list = append(list, mpm.Thread{Busy: t.Busy, Ignored: t.Ignored, Elapsed: t.Elapsed, Serial: t.Serial, Request: t.Request})
	}
	return list
}

func (d *daemonProcess) Requests() uint64 {
	_, activity := d.python.Requests()
	return activity
}

func (d *daemonProcess) GILAge() time.Duration { return d.python.GILAge() }

// Interrupt, Stacks and DumpWithoutGIL are what it does to Python.
func (d *daemonProcess) Interrupt(thread int, serial uint32) { d.python.Interrupt(thread, serial) }

func (d *daemonProcess) Stacks(reason string) error {
	_, err := d.python.Ask("stacks", reason, askTime)
	return err
}

func (d *daemonProcess) DumpWithoutGIL() { d.python.DumpWithoutGIL() }

// Renew asks for a replacement; Leave ends the process.
func (d *daemonProcess) Renew(reason string) {
	d.reason = reason
	_ = d.Say("renew %s", reason)
}

func (d *daemonProcess) Leave(reason string) {
	select {
	case d.leave <- reason:
	default: // it is leaving already
	}
}

// watchFiles asks for a replacement when the file of a loaded module changes.
func (d *daemonProcess) watchFiles(ctx context.Context) {
	list := func() ([]string, error) {
		text, err := d.python.Ask("module_files", "", askTime)
		return strings.Split(text, "\n"), err
	}
	for range scripts.Watch(ctx, list, d.log) {
		d.Renew(cpython.ScriptReload)
	}
}
