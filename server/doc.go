// Package server answers: how does a connection become requests, and a request a response and a line in the log?
//
// It knows nothing of Python. A [Server] accepts connections, limits and times them, and passes each request through
// a short list of phases to the http.Handler it was given. The handler gets an [Exchange] as its http.ResponseWriter:
//
//	listener -> socket -> TLS -> conn   -> net/http -> Exchange -> phases -> Handler -> access-log line
//	                             h2Conn -> net/http -> stream  -> Exchange -> ...
//
// A socket counts and keeps the timers, below TLS; pace.go says how slow a client may be. greet.go finds out what a connection speaks. HTTP/1.1 is spoken by
// net/http: engine.go sets an http.Server up, conn.go stands between it and the connection and mends what net/http leaves
// open (error pages, reason phrases, smuggling). HTTP/2 is spoken by another http.Server: h2.go brings it the frames and watches
// them. What a request came on is a carrier to the Exchange: the conn, or a stream of a session, under the eyes of the patrol.
// Everything else knows http.Handler only.
//
// Where a request comes from and what it was meant for is known from the phase believe on (believe.go, origin.go): what proxies
// in front say counts if Options.Trust says so, and package server/trust knows how to read it.
//
// Parts of the site may be passed on to other servers: package proxy does that, proxied.go finds out what, and tunnel.go is what a
// WebSocket needs of each protocol.
//
// A Server leaves in one of two ways: [Server.Drain] loses nothing while another process accepts on the same sockets,
// [Server.Shutdown] is in a hurry. What goes on in it, and in the processes behind it, is a [Status], shown by
// [StatusHandler], [MetricsHandler] and [WriteStatus].
package server
