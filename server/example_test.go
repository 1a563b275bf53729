package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"gild/logs"
	"gild/server"
)

// plainLog prints errors.
type plainLog struct{}

func (plainLog) Enabled(level logs.Level) bool { return level <= logs.Error }
func (plainLog) Log(r logs.Record)             { fmt.Println(r.Level, r.Message) }

// A handler gets an Exchange as its ResponseWriter and may ask it for what http.ResponseWriter has no words for.
func Example() {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := server.New(server.Options{
		Listeners: []server.Listener{{Socket: socket, Info: server.Info{Scheme: "http", Addr: socket.Addr()}}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := server.From(w)
			x.Reason = "Quite Fine"
			x.Header().Set("Content-Type", "text/plain")
			_, _ = fmt.Fprintf(x, "%s over %s\n", r.URL.Path, x.Listener().Scheme)
		}),
		Mount:    "/app",
		ErrorLog: plainLog{},
	})
	served := make(chan error)
	go func() { served <- s.Serve() }()
	for _, path := range []string{"/app/page", "/elsewhere"} {
		resp, err := http.Get("http://" + socket.Addr().String() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(resp.Status)
		if resp.StatusCode == http.StatusOK {
			_, _ = io.Copy(os.Stdout, resp.Body)
		}
		resp.Body.Close()
	}
	fmt.Println(s.Shutdown(context.Background()), <-served)
	// Output:
	// 200 Quite Fine
	// /app/page over http
	// 404 Not Found
	// <nil> <nil>
}
