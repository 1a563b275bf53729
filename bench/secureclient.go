package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// clientVerb makes this program a client: a process of its own on one core, as wrk is, whose CPU is not taken for
// the server's.
const clientVerb = "client"

// clients are what such a process can do, by name. Each prints its tally as JSON.
var clients = map[string]func(ctx context.Context, l load) tally{
	"handshakes": shakeHands,
	"newcomers":  askAsNewcomers,
	"http3":      askOverHTTP3,
	"idle":       waitIdly,
}

func (l load) handshakes(ctx context.Context, _ places) (tally, error) {
	return l.byClient(ctx, "handshakes")
}
func (l load) newcomers(ctx context.Context, _ places) (tally, error) {
	return l.byClient(ctx, "newcomers")
}
func (l load) overHTTP3(ctx context.Context, _ places) (tally, error) {
	return l.byClient(ctx, "http3")
}

// byClient lets a client make the load, and waits for its end.
func (l load) byClient(ctx context.Context, kind string) (tally, error) {
	cmd, err := l.client(ctx, kind)
	if err != nil {
		return tally{}, err
	}
	out, err := cmd.Output()
	if err != nil {
		return tally{}, fmt.Errorf("client of %s: %w", kind, err)
	}
	var t tally
	err = json.Unmarshal(out, &t)
	t.ClientCPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return t, err
}

// client is the command, which says on stderr of this program what is wrong.
func (l load) client(ctx context.Context, kind string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, clientVerb, kind, l.Address, strconv.Itoa(l.Connections), strconv.Itoa(l.Seconds))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING=true")
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// serveClient is that process. The arguments are those of client, behind the verb.
func serveClient(ctx context.Context, args []string) error {
	if len(args) != 4 || clients[args[0]] == nil {
		return fmt.Errorf("%s takes a kind, an address, connections and seconds", clientVerb)
	}
	connections, wrong := strconv.Atoi(args[2])
	seconds, worse := strconv.Atoi(args[3])
	if err := errors.Join(wrong, worse); err != nil {
		return err
	}
	l := load{endpoint{args[1], true}, connections, seconds, Request{Path: "/"}}
	return json.NewEncoder(os.Stdout).Encode(clients[args[0]](ctx, l))
}

// shakeHands counts connections that were made and ended by both sides without a request.
func shakeHands(ctx context.Context, l load) tally {
	return drive(ctx, l.Connections, l.length(), func(c *counts, more func() bool) {
		for more() {
			c.shakeHands(ctx, l.endpoint)
		}
	})
}

// shakeHands waits until the server has closed the connection, which it does when it has read the end of the
// handshake and the goodbye behind it: none is counted that the server has still to do its share of.
func (c *counts) shakeHands(ctx context.Context, to endpoint) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	begin := time.Now()
	conn, err := to.dial(ctx)
	if err != nil {
		c.refused()
		return
	}
	defer conn.Close()
	wait, secure := time.Since(begin), conn.(*tls.Conn)
	_ = secure.SetDeadline(begin.Add(probeLimit)) // fails on a closed connection only, as does what follows
	if err := secure.CloseWrite(); err != nil {
		c.miss(err)
	} else if _, err := io.Copy(io.Discard, secure); err != nil {
		c.miss(err)
	} else {
		c.judge(isFull(secure.ConnectionState()), wait)
	}
}

// isFull says whether the handshake was the one that was asked for.
func isFull(s tls.ConnectionState) bool {
	_, elliptic := s.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)
	return s.Version == tls.VersionTLS13 && s.CurveID == tls.X25519 && !s.DidResume && elliptic
}

// judge counts an answer.
func (c *counts) judge(good bool, wait time.Duration) {
	if !good {
		c.seen.Bad++
		return
	}
	c.waits = append(c.waits, wait)
}

// askAsNewcomers makes a connection for each request.
func askAsNewcomers(ctx context.Context, l load) tally {
	return drive(ctx, l.Connections, l.length(), func(c *counts, more func() bool) {
		for more() {
			a, err := askWithin(ctx, l.endpoint, l.Request)
			if err != nil {
				c.miss(err)
				continue
			}
			c.judge(a.Status == http.StatusOK && string(a.Body) == helloBody, a.Wait)
		}
	})
}
