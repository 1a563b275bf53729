package main

import (
	"cmp"
	"fmt"
	"strings"
)

// https is the part about TLS.
func (p *page) https(r *results) {
	p.line("%s", howToReadHTTPS)
	for _, c := range secureCases() {
		p.cells(r, c.workload, secureServers())
	}
	p.idle(r)
}

const howToReadHTTPS = `
gild ends TLS itself; gunicorn has nginx or Caddy in front of it, as people deploy it today, over a socket file and with
connections that are kept. The requests are those of hello above, and so are the columns: CPU and memory are those of all
processes, of the proxy and of gunicorn together. The certificate is ECDSA P-256, the client knows it already,
and the key exchange of the clients in Go is X25519 everywhere, because Debian's nginx and Caddy know no newer one.
HTTP/3 is asked for by a client in Go, which costs more than h2load: its requests/s compare with those of its own table
only. Every client has one thread. *Fresh connection* is HTTP/1.1 over TLS, with its handshake, whatever the load speaks.`

// idle is the table of the connections that wait.
func (p *page) idle(r *results) {
	w := idleCase()
	rows := r.rows(w.Name, secureServers())
	if len(rows) == 0 {
		return
	}
	p.line("\n## %s: %s\n", w.Name, w.About)
	p.line("Memory before and while they wait; errors are connections that had no second answer. *Embedded is 2.0 x* says that")
	p.line("a connection takes twice as much in gild as in this server.")
	p.table("connections", "server", "memory per connection", "embedded is", "daemon is", "before", "with them", "errors")
	for _, row := range rows {
		p.cellsOf(row.idleColumns(r)...)
	}
	p.failures(rows)
}

func (w row) idleColumns(r *results) []string {
	first := []string{fmt.Sprint(w.Connections), w.Server}
	if w.Rounds == 0 {
		return append(first, cmp.Or(w.Without, "failed"), "", "", "", "", "")
	}
	is := func(ours string) string {
		return w.times(ours, r.ratio(idleCase().Name, ours, w.Server, w.Connections, sample.perConnection))
	}
	return append(first, fmt.Sprintf("%.1f kB", w.Each/1e3), is(embedded), is(daemon), fmt.Sprintf("%.0f MB", float64(w.Before)/1e6),
		fmt.Sprintf("%.0f MB", float64(w.PSS)/1e6), fmt.Sprint(w.Failures))
}

// failures says below a table why rows of it have no figures.
func (p *page) failures(rows []row) {
	for _, row := range rows {
		if row.Err != "" {
			p.line("\n%s at %d connections failed: `%s`", row.Server, row.Connections, strings.ReplaceAll(row.Err, "\n", " / "))
		}
	}
}
