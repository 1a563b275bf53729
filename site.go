package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/scripts"
	"gild/server"
	"gild/tls"
)

// A site is what speaks HTTP in a front, or in a worker of embedded mode: the server, and the certificates it has.
type site struct {
	server       *server.Server
	certificates *tls.Manager // nil: no HTTPS
}

// newSite makes the site that passes requests on to the pools, and tells the board.
func (c *child) newSite(s sockets, certificates tls.Options, pools []*cpython.Pool, b *board) (*site, error) {
	engine := scripts.NewEngine(c.config, pools, c.log)
	m, err := c.openCertificates(certificates, engine)
	if err != nil {
		return nil, err
	}
	options := c.serverOptions(s, engine, b)
	c.secure(&options, s, m)
	if err := c.surround(&options, engine); err != nil {
		return nil, err
	}
	made := &site{server: server.New(options), certificates: m}
	b.watch(made.server, pools, m)
	return made, nil
}

// obtain begins to obtain and renew certificates: when connections are accepted, an authority can see that the names are ours. It
// returns at once, and comes before leave.
func (s *site) obtain() {
	if s.certificates != nil {
		s.certificates.Start()
	}
}

// leave has the server finish its connections, as the text of the message says. Orders that run are given up then, so that their
// locks do not keep the next process from taking them up.
func (s *site) leave(c *child, lossless bool, text string) {
	patience, orphans := c.parseFarewell(text)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leave := s.server.Shutdown
	if lossless {
		leave = func(ctx context.Context) error { return s.server.Drain(ctx, orphans...) }
	}
	if err := leave(ctx); err != nil {
		c.printf(logs.Notice, "core", "Shutdown timeout expired; requests that are still running are aborted.")
	}
	if s.certificates != nil {
		s.certificates.Close()
	}
	for _, end := range c.closers {
		end()
	}
}

// hasten is for a server that has begun to leave without a loss, and has no time for that any more.
func (s *site) hasten(c *child, text string) {
	patience, _ := c.parseFarewell(text)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = s.server.Shutdown(ctx) // leave waits for the same, and says when it was not enough
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

// application is what answers for the application, nil if there is none.
func application(c *config.Config, engine *scripts.Engine) http.Handler {
	if c.Application.Type == config.Static {
		return nil
	}
	return engine
}

// serverOptions describe a server for the configuration.
func (c *child) serverOptions(s sockets, engine *scripts.Engine, b *board) server.Options {
	t := &c.config.Timeouts
	options := server.Options{
		Listeners: s.listeners,
		Handler:   application(c.config, engine),
		Mount:     c.config.Application.MountPoint,
		Limits: server.Limits{
			Clients: c.config.ClientsPerProcess(),
			Head:    c.config.LimitRequestFieldSize,
			Fields:  c.config.LimitRequestFields,
			Body:    c.config.LimitRequestBody,
		},
		Timeouts: timeoutsOf(t),
		ErrorLog: c.log,
	}
	b.options(&options, s)
	return options
}

// timeoutsOf are those of connections.
func timeoutsOf(t *config.Timeouts) server.Timeouts {
	return server.Timeouts{KeepAlive: t.KeepAlive, Header: server.Pace(t.Header), Body: server.Pace(t.Body), Socket: t.Socket, Write: t.ResponseSocket}
}
