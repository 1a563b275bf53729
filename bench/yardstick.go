package main

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
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

// serveYardstick serves one application until the process is ended.
func serveYardstick(address, app string) error {
	return http.ListenAndServe(address, yardstickHandler(app))
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

// isYardstick reports whether the arguments ask for the yardstick, and serves it if they do.
func isYardstick(args []string) (bool, error) {
	if len(args) != 3 || args[0] != yardstickVerb {
		return false, nil
	}
	return true, serveYardstick(args[1], args[2])
}
