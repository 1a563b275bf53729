// Package server answers: how does a connection become requests, and a request a response and a line in the log?
//
// It knows nothing of Python. A [Server] accepts connections, limits and times them, and passes each request through
// a short list of phases to the http.Handler it was given. The handler gets an [Exchange] as its http.ResponseWriter:
//
//	listener -> conn -> net/http -> Exchange -> phases -> Handler -> access-log line
//
// HTTP/1.1 is spoken by net/http. What is particular to it is in two files: engine.go sets an http.Server up, conn.go
// stands between it and the socket and mends what net/http leaves open (lazy deadlines, error pages, reason phrases,
// smuggling). Everything else knows http.Handler only, so that another engine can take net/http's place.
//
// A Server leaves in one of two ways: [Server.Drain] loses nothing while another process accepts on the same sockets,
// [Server.Shutdown] is in a hurry. What goes on in it, and in the processes behind it, is a [Status], shown by
// [StatusHandler], [MetricsHandler] and [WriteStatus].
package server
