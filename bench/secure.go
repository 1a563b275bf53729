package main

import (
	"context"
	"runtime/debug"
	"strconv"
)

// A loadCase is a workload, and who makes its load.
type loadCase struct {
	workload
	run func(load, context.Context, places) (tally, error)
}

// Numbers of connections: newcomers are enough to keep a server busy that has no more than a core; idle ones are many
// enough that what one of them takes is told from what a server takes anyway.
const newcomers, fewer, idle = 16, 8, 2000

// streams is how many requests are under way on each of fewer connections, so that they are as many as elsewhere.
const streams = goalConnections / fewer

// secureCases are measured one after another on a server that was started once.
func secureCases() []loadCase {
	hello := func(name, about string, connections int, counted string) workload {
		return workload{name, "hello", about, Request{Path: "/"}, []byte(helloBody), []int{connections}, counted}
	}
	multiplexed := strconv.Itoa(streams) + " at a time on a connection"
	return []loadCase{
		{hello("handshake", "full handshakes of TLS 1.3 (ECDSA P-256, X25519, no resumption), and no request", newcomers,
			"handshake"), load.handshakes},
		{hello("newcomers", "a connection for each request: handshake, 12 bytes, end", newcomers, ""), load.newcomers},
		{hello("h1", "HTTP/1.1 over TLS, kept alive, 12 bytes (wrk)", goalConnections, ""), load.run},
		{hello("h2", "HTTP/2, one request at a time on a connection, 12 bytes (h2load)", goalConnections, ""), h2(1)},
		{hello("h2-streams", "HTTP/2, "+multiplexed+", 12 bytes (h2load)", fewer, ""), h2(streams)},
		{hello("h3", "HTTP/3, one request at a time on a connection, 12 bytes (a client in Go)", goalConnections, ""), load.overHTTP3},
	}
}

// idleCase is the one that is not a load.
func idleCase() workload {
	return workload{"idle", "hello", "connections over TLS that have had one answer and wait", Request{Path: "/"},
		[]byte(helloBody), []int{idle}, ""}
}

// helloBody is what the application answers.
const helloBody = "Hello World!"

// secureServers are the rows: gild in its two placements, the proxies, and the yardstick.
func secureServers() []server {
	list := []server{
		secured(gild(embedded, "1 process that speaks HTTP and TLS and runs Python in 5 threads", "--embedded-mode", "--threads", "5")),
		secured(gild(daemon, "as it comes: a front that speaks HTTP and TLS, 1 daemon process of 5 threads", "--threads", "5")),
	}
	return append(append(list, proxies()...), secureYardstick())
}

// secured gives gild a certificate, and the keep-alive timeout that nginx has.
func secured(srv server) server {
	plain := srv.Command
	srv.Secure, srv.Prepare = true, writeCertificate
	srv.Command = func(s site) []string {
		other := s
		other.Port = s.OtherPort // for HTTP without TLS, which nobody asks here
		return append(plain(other), "--https-port", s.Port, "--ssl-certificate-file", s.certificate(),
			"--ssl-certificate-key-file", s.key(), "--keep-alive-timeout", "75")
	}
	return srv
}

func secureYardstick() server {
	srv := yardstick()
	plain := srv.Command
	srv.Secure, srv.Prepare = true, writeCertificate
	srv.About = "Go's net/http with TLS, without any Python: the yardstick of the machine"
	srv.Without = map[string]string{"h3": "Go's net/http has no HTTP/3"}
	srv.Command = func(s site) []string { return append(plain(s), s.certificate(), s.key()) }
	return srv
}

// measureTLS visits every server once in each round for all loads, and once more for the connections that wait.
func (b *bench) measureTLS(ctx context.Context, present []server, out *results) {
	for round := range b.Rounds {
		for i := range present {
			srv := present[(i+round)%len(present)]
			out.Samples = append(out.Samples, b.visitAll(ctx, srv, round, secureCases())...)
			if b.wants(idleCase().Name) {
				out.Samples = append(out.Samples, b.visitIdle(ctx, srv, round))
			}
		}
	}
}

// visitAll measures those of the cases that are chosen on a freshly started server.
func (b *bench) visitAll(ctx context.Context, srv server, round int, all []loadCase) []sample {
	cases := pick(all, b.Cases)
	if len(cases) == 0 {
		return nil
	}
	r, err := b.warm(ctx, srv, cases[0].workload)
	if r != nil {
		defer b.stop(srv, r)
	}
	var list []sample
	for _, c := range cases {
		for _, connections := range b.connections(c.workload) {
			s, failure := sample{Without: srv.Without[c.Name]}, err
			if err == nil && s.Without == "" {
				l := load{r.endpoint(), connections, b.Seconds, c.Request}
				s, failure = b.cell(ctx, r, l, func() (tally, error) { return c.run(l, ctx, b.places) })
			}
			s.Round, s.Server, s.Case, s.Connections = round, srv.Name, c.Name, connections
			list = append(list, b.noted(s, failure))
		}
	}
	return list
}

// tlsPrograms are the clients that are programs of their own.
func tlsPrograms() []version {
	return []version{{"h2load", debianVersion("nghttp2-client")}, {"quic-go (the client of h3)", moduleVersion("github.com/quic-go/quic-go")}}
}

// moduleVersion is that of a module this program was built with.
func moduleVersion(path string) string {
	built, _ := debug.ReadBuildInfo()
	for _, module := range built.Deps {
		if module.Path == path {
			return module.Version
		}
	}
	return "unknown"
}
