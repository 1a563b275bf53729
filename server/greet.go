package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"gild/logs"
)

// What protocol a new connection speaks is found out in a goroutine of its own, which the connection leaves then: the stack
// that a TLS handshake needs is not kept.

// greets reports whether the connections of l are greeted. Plain ones without HTTP/2 go to net/http as they are, unless
// they begin with the PROXY protocol.
func (s *Server) greets(l *listener) bool { return s.h2c || s.trust.ProxyProtocol || l.isHTTPS() }

func (l *listener) isHTTPS() bool { return l.Info.Scheme == "https" }

// greet finds the engine for a connection. It counts against Limits.Clients from its first moment, and has the time of a
// head until then.
func (s *Server) greet(k *socket, https bool) {
	defer k.greeting.Store(false)
	k.read.want = k.opened.Add(s.timeouts.handshake())
	switch {
	case s.trust.ProxyProtocol && !s.meetProxy(k):
		s.part(k)
	case https:
		s.greetTLS(k)
	default:
		s.greetPlain(k)
	}
}

// http2Preface is what a client that knows of HTTP/2 begins with, RFC 9113 section 3.4.
var http2Preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

// greetPlain tells HTTP/2 from HTTP/1 by the first bytes. What ends before they are there is HTTP/1, which knows what to say.
func (s *Server) greetPlain(k *socket) {
	if !s.h2c {
		s.direct.pass(s.newConn(k, nil))
		return
	}
	for n := 1; ; n++ {
		first, err := k.peek(n)
		switch n = min(len(first), len(http2Preface)); {
		case n == 0:
			s.part(k)
			return
		case err != nil || !bytes.Equal(first[:n], http2Preface[:n]):
			s.direct.pass(s.newConn(k, nil))
			return
		case n == len(http2Preface):
			s.multiplexed.pass(s.newH2Conn(k, nil))
			return
		}
	}
}

// greetTLS does the handshake and takes the protocol that was agreed on.
func (s *Server) greetTLS(k *socket) {
	first, err := k.peek(1)
	if len(first) == 0 {
		s.noteSilence(k, err)
		s.part(k)
		return
	}
	if first[0] >= 'A' && first[0] <= 'Z' {
		s.answerPlain(k)
		return
	}
	t := tls.Server(k, s.tls)
	if err := s.handshake(t, k); err != nil {
		s.noteHandshake(k, err)
		s.part(k)
		return
	}
	switch state := t.ConnectionState(); state.NegotiatedProtocol {
	case "acme-tls/1": // RFC 8737 section 3: the certificate was all that was wanted
		_ = t.Close()
		s.part(k)
	case "h2":
		if !isAdequate(&state) {
			s.refuseH2(k, t)
			return
		}
		s.multiplexed.pass(s.newH2Conn(k, t))
	default:
		s.direct.pass(s.newConn(k, t))
	}
}

// handshake bounds both directions, and what a certificate may have to be waited for.
func (s *Server) handshake(t *tls.Conn, k *socket) error {
	ctx, cancel := context.WithDeadline(context.Background(), k.read.want)
	defer cancel()
	k.last = k.read.want
	defer func() { k.last = time.Time{} }()
	return t.HandshakeContext(ctx)
}

// part ends a connection that did not come as far as an engine.
func (s *Server) part(k *socket) {
	k.linger(k.gone())
	k.abort()
	k.leave()
}

// noteHandshake counts and logs why there is no connection. It is no accident of ours, so no administrator needs to see it.
func (s *Server) noteHandshake(k *socket, err error) {
	why := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		why = fmt.Sprintf("it was not over after %v", s.timeouts.handshake())
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		why = "the client has left"
	case why == "tls: no certificates configured": // crypto/tls's word for it; who chooses certificates logs the reason
		why = "there is no certificate for the name that the client asked for"
	}
	k.server.counters.handshakes.Add(1)
	k.log(logs.Info, "TLS handshake failed: "+why)
}

// noteSilence logs at debug level only: whoever looks whether the port is open does this.
func (s *Server) noteSilence(k *socket, err error) {
	if err == io.EOF {
		return
	}
	k.log(logs.Debug, fmt.Sprintf("No TLS handshake: the connection ended without a byte: %v", err))
}

// log writes a record about a connection.
func (k *socket) log(level logs.Level, message string) { k.logAs("core", level, message) }

// logAs is log for a module.
func (k *socket) logAs(module string, level logs.Level, message string) {
	if to := k.server.errorLog; to.Enabled(level) {
		to.Log(logs.Record{Level: level, Module: module, Client: k.RemoteAddr().String(), Message: message})
	}
}

// answerPlain answers who speaks HTTP to a port of HTTPS, as Apache does: with 400, and a link to where to go.
func (s *Server) answerPlain(k *socket) {
	text := "You're speaking plain HTTP to a port of this server that speaks HTTPS."
	if uri := s.secureURI(k); uri != "" {
		text += fmt.Sprintf(` Use <a href="%[1]s">%[1]s</a> instead, please.`, html.EscapeString(uri))
	}
	c := s.newConn(k, nil)
	_ = c.refuseWith(http.StatusBadRequest, page(http.StatusBadRequest, text, ""), "plain HTTP was sent to a port of HTTPS") // it may have left
	_ = c.Close()
	k.leave()
}

// secureURI is the address of the site at the port where k came in: its name, or the host that the client has asked for.
// It is empty if neither is known.
func (s *Server) secureURI(k *socket) string {
	host := s.site.Name
	ok := true
	if host == "" {
		host, _, ok = parseHost(hostField(k.ahead))
	}
	if host == "" || !ok {
		return ""
	}
	return location("https", host, k.info.Port, "/")
}

// hostField finds the Host field in the beginning of a head; "" if there is none.
func hostField(head []byte) string {
	for line := range strings.Lines(string(head)) {
		if isField([]byte(line), "host:") && strings.HasSuffix(line, "\n") {
			return strings.TrimSpace(line[len("host:"):])
		}
	}
	return ""
}
