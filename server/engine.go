package server

import (
	"context"
	"log"
	"net"
	"net/http"
	"strings"

	"gild/logs"
)

// connKey finds the *conn in the context of a request.
type connKey struct{}

// newEngine sets up the net/http server that speaks HTTP/1.1 for s. It has no timeouts, since conn does what it would: it
// knows when something is waited for, net/http can only bound a request as a whole.
func (s *Server) newEngine() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	engine := &http.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true,
		MaxHeaderBytes:               max(1, s.limits.Head-engineSlop),
		ConnState:                    func(c net.Conn, state http.ConnState) { c.(*conn).setState(state) },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(*conn))
		},
		ErrorLog:  log.New(engineLog{s.errorLog}, "", 0),
		Protocols: &protocols,
	}
	engine.SetKeepAlivesEnabled(s.timeouts.KeepAlive > 0)
	return engine
}

// engineSlop is what net/http reads beyond MaxHeaderBytes.
const engineSlop = 4096

// engineLog takes what net/http has to say. That is about clients and never about us, who log our own.
type engineLog struct{ to logs.Logger }

func (l engineLog) Write(p []byte) (int, error) {
	text := strings.TrimPrefix(strings.TrimSuffix(string(p), "\n"), "http: ")
	logs.Printf(l.to, logs.Info, "core", "%s", text)
	return len(p), nil
}
