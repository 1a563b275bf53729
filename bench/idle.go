package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// settling is how long a server is left alone before its memory is read.
const settling = 2 * time.Second

// allWait is what a client prints when all its connections wait.
const allWait = "all wait\n"

// visitIdle measures what connections that wait take of a freshly started server's memory.
func (b *bench) visitIdle(ctx context.Context, srv server, round int) sample {
	w := idleCase()
	connections := w.Connections[0] // -conns is about loads
	s := sample{}
	r, err := b.warm(ctx, srv, w)
	if r != nil {
		defer b.stop(srv, r)
	}
	if err == nil {
		s, err = b.waiting(ctx, r, load{r.endpoint(), connections, b.Seconds, w.Request})
	}
	s.Round, s.Server, s.Case, s.Connections = round, srv.Name, w.Name, connections
	return b.noted(s, err)
}

// waiting reads the memory of the server before and while the connections wait.
func (b *bench) waiting(ctx context.Context, r *running, l load) (s sample, err error) {
	time.Sleep(settling)
	s.Before = pssOf(r.first())
	h, err := l.hold(ctx)
	if err != nil {
		return s, err
	}
	time.Sleep(settling)
	s.PSS = pssOf(r.first())
	s.tally, err = h.release()
	return s, err
}

// holder is a client that holds connections.
type holder struct {
	cmd *exec.Cmd
	in  io.WriteCloser // its end is the end of the wait
	out *bufio.Reader
}

// hold returns when every connection has had its answer. The caller must release them.
func (l load) hold(ctx context.Context) (*holder, error) {
	cmd, err := l.client(ctx, "idle")
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &holder{cmd, in, bufio.NewReader(out)}
	if line, err := h.out.ReadString('\n'); line != allWait {
		return nil, fmt.Errorf("the client that holds connections said %q (%v, %v)", line, err, cmd.Wait())
	}
	return h, nil
}

// release lets the client ask once more on each connection, and returns what it counted: lost ones are failures.
func (h *holder) release() (tally, error) {
	var t tally
	if err := h.in.Close(); err != nil {
		return t, err
	}
	err := json.NewDecoder(h.out).Decode(&t)
	if failed := h.cmd.Wait(); failed != nil {
		return t, failed
	}
	return t, err
}

// waitIdly opens the connections, asks once on each, waits for the end of stdin, and asks again.
func waitIdly(ctx context.Context, l load) tally {
	begin := time.Now()
	clients := make([]waiter, l.Connections)
	eachOf(clients, func(w *waiter) { w.open(ctx, l) })
	fmt.Print(allWait)
	_, _ = io.Copy(io.Discard, os.Stdin) // a broken pipe is an end too
	eachOf(clients, (*waiter).ask)
	list := make([]counts, len(clients))
	for i := range clients {
		list[i] = clients[i].seen
	}
	return together(list, time.Since(begin))
}

// eachOf does something with all of them, some at a time: a server has better things to do than two thousand
// handshakes at once.
func eachOf(list []waiter, do func(*waiter)) {
	var all sync.WaitGroup
	for first := range newcomers {
		all.Go(func() {
			for i := first; i < len(list); i += newcomers {
				do(&list[i])
			}
		})
	}
	all.Wait()
}

// waiter is a connection that waits most of the time.
type waiter struct {
	request []byte
	conn    net.Conn // nil if it could not be made, or is lost
	in      *bufio.Reader
	seen    counts
}

func (w *waiter) open(ctx context.Context, l load) {
	conn, err := l.dial(ctx)
	if err != nil {
		w.seen.refused()
		return
	}
	w.request, w.conn, w.in = l.raw(l.Address, "keep-alive"), conn, bufio.NewReader(conn)
	if w.ask(); w.conn == nil {
		return
	}
	w.seen = counts{} // the second answer is the one that counts
}

// ask is one request, if the connection is there.
func (w *waiter) ask() {
	if w.conn == nil {
		return
	}
	if (client{"", w.request, []byte(helloBody), &w.seen}).exchange(w.conn, w.in) {
		return
	}
	w.conn.Close()
	w.conn = nil
}
