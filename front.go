package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gild/cpython"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"
)

// front is the process that speaks HTTP. It passes requests on to the daemons through the arenas of their groups.
type front struct {
	*child
	pools  []*cpython.Pool
	site   *site
	board  *board
	serve  sync.Once
	failed chan error    // the listeners have failed
	left   chan struct{} // all connections are gone
	leave  sync.Once
}

func runFront(c *child) error {
	if err := seclude(c.config); err != nil {
		return err
	}
	f := &front{child: c, failed: make(chan error, 1), left: make(chan struct{}), board: newBoard(c.config, c.Generation)}
	if err := f.build(); err != nil {
		return err
	}
	if err := f.Ready(); err != nil {
		return err
	}
	go f.reportLoad()
	return f.obey()
}

// build opens what the supervisor has passed: sockets first, then the arena of each group.
func (f *front) build() error {
	sockets, err := f.takeSockets()
	if err != nil {
		return err
	}
	certificates, err := f.takeCertificates()
	if err != nil {
		return err
	}
	if err := f.takeNonces(); err != nil {
		return err
	}
	for i := range f.config.Groups {
		pool, err := f.openPool(i)
		if err != nil {
			return err
		}
		f.pools = append(f.pools, pool)
	}
	f.site, err = f.newSite(sockets, certificates, f.pools, f.board)
	return err
}

func (f *front) openPool(group int) (*cpython.Pool, error) {
	files, err := f.take(cpython.FilesPerArena)
	if err != nil {
		return nil, err
	}
	g := &f.config.Groups[group]
	arena, err := cpython.OpenArena(scripts.Geometry(f.config, g), files)
	if err != nil {
		return nil, err
	}
	distrust := func(record, pid int, reason string) { _ = f.Say("kill %d %d %d %s", group, record, pid, reason) }
	return cpython.NewPool(arena, scripts.PoolConfig(f.config, g, distrust)), nil
}

// obey does what the supervisor says until it is time to leave.
func (f *front) obey() error {
	for {
		select {
		case message, ok := <-f.Messages:
			if !ok {
				return errors.New("the supervisor is gone")
			}
			f.hear(message)
		case err := <-f.failed:
			return fmt.Errorf("connections cannot be accepted: %w", err)
		case <-f.left:
			return nil
		}
	}
}

func (f *front) hear(message string) {
	verb, rest, _ := strings.Cut(message, " ")
	switch verb {
	case "accept":
		f.serve.Do(f.accept)
	case "process":
		f.hearOfProcess(message)
	case "stop", "drain":
		f.hearStop(verb == "drain", rest)
	default:
		f.printf(logs.Error, "core", "The supervisor said %.40q, which a front does not know.", message)
	}
}

func (f *front) accept() {
	f.site.obtain()
	go func() {
		if err := f.site.server.Serve(); err != nil {
			f.failed <- err
		}
	}()
}

func (f *front) hearOfProcess(message string) {
	p, err := mpm.ParseProcess(message)
	state, known := cpython.ParseProcessState(p.State)
	if err != nil || p.Group >= len(f.pools) || !known {
		f.printf(logs.Error, "core", "The supervisor told of a process that cannot be: %.80q", message)
		return
	}
	f.pools[p.Group].Process(p.Record, p.PID, state)
	f.board.note(p)
	if p.State == "dead" {
		_ = f.Say("buried %d %d", p.Group, p.Record)
	}
}

// hearStop begins to leave: losslessly, while others accept on the same sockets, or as soon as the requests that run are
// answered. A stop may follow when the first takes too long.
func (f *front) hearStop(lossless bool, text string) {
	begun := true
	f.leave.Do(func() { begun = false })
	switch {
	case !begun:
		go f.finish(lossless, text)
	case !lossless:
		go f.site.hasten(f.child, text)
	}
}

func (f *front) finish(lossless bool, text string) {
	defer close(f.left)
	f.site.leave(f.child, lossless, text)
}

// reportLoad tells the supervisor how busy the seats are, where the number of processes follows that.
func (f *front) reportLoad() {
	said := make([]string, len(f.pools))
	for range time.Tick(time.Second) {
		for i, pool := range f.pools {
			if g := &f.config.Groups[i]; g.MinimumProcesses == g.MaximumProcesses {
				continue
			}
			busy, idle, waiting := pool.Load()
			if text := fmt.Sprintf("load %d %d %d %d", i, busy, idle, waiting); text != said[i] {
				said[i] = text
				_ = f.Say("%s", text)
			}
		}
	}
}
