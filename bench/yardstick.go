package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// yardstickVerb makes this program the server that the machine is measured with.
const yardstickVerb = "yardstick"

// yardstick is Go's net/http without Python, which answers as the applications do: what any server built on it must
// cost at least, on this machine and in this hour.
func yardstick() server {
	return server{
		Name: "net/http", About: "Go's net/http without any Python: the yardstick of the machine",
		Needs:   []string{"bench/scratch/bench"},
		Version: []string{"go", "version"},
		Command: func(s site) []string {
			return []string{filepath.Join(s.Work, "bench"), yardstickVerb, s.address(), s.App}
		},
	}
}

// serveYardstick serves an application on an address until the process is ended. The arguments are these two, and for
// TLS the files of a certificate and its key.
func serveYardstick(args []string) error {
	switch len(args) {
	case 2:
		return listenAndServe(args[0], yardstickHandler(args[1]))
	case 4:
		return http.ListenAndServeTLS(args[0], args[2], args[3], yardstickHandler(args[1]))
	}
	return fmt.Errorf("%s takes an address, an application, and maybe a certificate and its key", yardstickVerb)
}

// listenAndServe takes "unix:/path" for an address as well.
func listenAndServe(address string, h http.Handler) error {
	network, path := "tcp", address
	if file, ok := strings.CutPrefix(address, "unix:"); ok {
		network, path = "unix", file
	}
	l, err := net.Listen(network, path)
	if err != nil {
		return err
	}
	if network == "unix" {
		if err := os.Chmod(path, 0o666); err != nil { // the workers of nginx and Apache are another user's
			return err
		}
	}
	return http.Serve(l, h)
}

func yardstickHandler(app string) http.Handler {
	block := bytes.Repeat([]byte("x"), 64<<10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		switch app {
		case "headers":
			io.WriteString(w, r.Header.Get("X-Bench-01")+r.Header.Get("X-Bench-30"))
		case "post":
			n, _ := io.Copy(io.Discard, r.Body)
			io.WriteString(w, strconv.FormatInt(n, 10))
		case "stream":
			w.Header().Set("Content-Length", strconv.Itoa(16*len(block)))
			for range 16 {
				w.Write(block)
			}
		default:
			io.WriteString(w, "Hello World!")
		}
	})
}
