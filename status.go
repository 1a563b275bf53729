package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/server"
)

// status prints what a running server is doing. It is found by the options that it was started with.
func status(args []string) int {
	env, err := config.SystemEnv(cpython.ShortVersion(), cpython.IsFreeThreaded())
	if err != nil {
		return failed(err)
	}
	path, err := config.StatusSocket(args[1:], env)
	if err == nil {
		err = printStatus(os.Stdout, path)
	}
	return explain(args[0], err)
}

// printStatus asks the server at a socket.
func printStatus(w io.Writer, path string) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}}}
	response, err := client.Get("http://localhost/?json")
	if err != nil {
		return fmt.Errorf("no server answers at %s: %w; %s", path, errors.Unwrap(err), statusAdvice(err))
	}
	defer response.Body.Close()
	var s server.Status
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		return fmt.Errorf("what answers at %s is not this gild: %w", path, err)
	}
	return server.WriteStatus(w, s)
}

// statusAdvice says what may help against an error of gild status.
func statusAdvice(err error) string {
	switch {
	case errors.Is(err, syscall.EACCES):
		return "the server belongs to another user: ask as that user, or as root with its --server-root"
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "give the options that the server was started with: --server-root, or --host and --port"
	}
	return "it may be too busy, or stopped"
}
