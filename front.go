package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"
	"gild/server"
	"gild/tls"
)

// front is the process that speaks HTTP. It passes requests on to the daemons through the arenas of their groups.
type front struct {
	*child
	pools        []*cpython.Pool
	server       *server.Server
	board        *board
	certificates *tls.Manager // nil: no HTTPS
	serve        sync.Once
	failed       chan error    // the listeners have failed
	left         chan struct{} // all connections are gone
	leave        sync.Once
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
	for i := range f.config.Groups {
		pool, err := f.openPool(i)
		if err != nil {
			return err
		}
		f.pools = append(f.pools, pool)
	}
	engine := scripts.NewEngine(f.config, f.pools, f.log)
	if f.certificates, err = f.openCertificates(certificates, engine); err != nil {
		return err
	}
	options, err := f.serverOptions(sockets, engine, f.board)
	if err != nil {
		return err
	}
	f.secure(&options, sockets, f.certificates)
	f.server = server.New(options)
	f.board.watch(f.server, f.pools, f.certificates)
	return nil
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
		f.serve.Do(func() { go f.accept() })
	case "process":
		f.hearOfProcess(message)
	case "stop", "drain":
		f.hearStop(verb == "drain", rest)
	default:
		f.printf(logs.Error, "core", "The supervisor said %.40q, which a front does not know.", message)
	}
}

func (f *front) accept() {
	startCertificates(f.certificates)
	if err := f.server.Serve(); err != nil {
		f.failed <- err
	}
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
// answered.
func (f *front) hearStop(lossless bool, text string) {
	f.leave.Do(func() { go f.finish(lossless, text) })
}

func (f *front) finish(lossless bool, text string) {
	defer close(f.left)
	leaveServer(f.child, f.server, lossless, text)
}

// leaveServer has the server finish its connections, as the text of the message says.
func leaveServer(c *child, s *server.Server, lossless bool, text string) {
	patience, orphans := c.parseFarewell(text)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leave := s.Shutdown
	if lossless {
		leave = func(ctx context.Context) error { return s.Drain(ctx, orphans...) }
	}
	if err := leave(ctx); err != nil {
		c.printf(logs.Notice, "core", "Shutdown timeout expired; requests that are still running are aborted.")
	}
}

// parseFarewell takes apart what follows "drain" and "stop": the time, and the positions of the listeners on which nobody else
// accepts, from planner.adopt.
func (c *child) parseFarewell(text string) (patience time.Duration, orphans []int) {
	text, rest, _ := strings.Cut(text, " ")
	for _, word := range strings.Fields(rest) {
		i, err := strconv.Atoi(word)
		if err != nil || i < 0 || i >= len(c.config.Listeners()) {
			c.printf(logs.Error, "core", "The supervisor gives up listener %.40q, which there is not.", word)
			continue
		}
		orphans = append(orphans, i)
	}
	return c.seconds(text), orphans
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

// sockets are what a process listens on.
type sockets struct {
	listeners []server.Listener
	quic      *server.QUIC // nil: no HTTP/3; its keys are still to be filled in
	status    net.Listener // nil: there is none
	metrics   net.Listener
}

// takeSockets makes listeners of the inherited sockets, which come in the order of socketStore.open.
func (c *child) takeSockets() (s sockets, err error) {
	for _, l := range c.config.Listeners() {
		socket, err := c.takeListener()
		if err != nil {
			return s, err
		}
		s.listeners = append(s.listeners, server.Listener{Socket: socket, Info: c.infoOf(l, socket.Addr())})
	}
	for _, l := range c.config.PacketListeners() {
		if s.quic, err = c.takePackets(l); err != nil {
			return s, err
		}
	}
	if c.config.StatusSocket != "" {
		if s.status, err = c.takeListener(); err != nil {
			return s, err
		}
	}
	if c.config.MetricsAddress != "" {
		s.metrics, err = c.takeListener()
	}
	return s, err
}

// infoOf describes the socket of a listener.
func (c *child) infoOf(l config.Listener, addr net.Addr) server.Info {
	_, port, _ := net.SplitHostPort(l.Address) // made by config
	return server.Info{Host: c.config.Host, Port: port, Scheme: l.Scheme, Addr: addr}
}

func (c *child) takeListener() (net.Listener, error) {
	files, err := c.take(1)
	if err != nil {
		return nil, err
	}
	defer files[0].Close() // net has its own duplicate
	return net.FileListener(files[0])
}

// serverOptions describe a server for the configuration.
func (c *child) serverOptions(s sockets, engine *scripts.Engine, b *board) (server.Options, error) {
	access, err := accessLog(c.config, c.log)
	if err != nil {
		return server.Options{}, err
	}
	t := &c.config.Timeouts
	options := server.Options{
		Listeners: s.listeners,
		Handler:   engine,
		Mount:     c.config.Application.MountPoint,
		Limits: server.Limits{
			Clients: c.config.ClientsPerProcess(),
			Head:    c.config.LimitRequestFieldSize,
			Fields:  c.config.LimitRequestFields,
			Body:    c.config.LimitRequestBody,
		},
		Timeouts:  server.Timeouts{KeepAlive: t.KeepAlive, Header: t.Header, Body: t.Body, Write: t.ResponseSocket},
		ErrorLog:  c.log,
		AccessLog: access,
	}
	b.options(&options, s)
	return options, nil
}
