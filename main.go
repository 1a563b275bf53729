// Gild serves a Python web application: HTTP in Go, the application in an embedded CPython.
//
// This file knows the verbs of the command line and the roles of a process; supervise.go, front.go, daemon.go and worker.go
// wire the packages together for the roles.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"gild/config"
	"gild/cpython"
)

// Exit statuses: usage is the one of Python's optparse, which mod_wsgi-express exits with.
const (
	statusFailed = 1
	statusUsage  = 2
)

// Verbs of mod_wsgi-express that make no sense without Apache, or come later, and what is said about them.
var refused = map[string]string{
	"setup-server":    "writing the files of a server without starting it comes with a later version; use start-server",
	"module-config":   "there is no module to load into Apache: gild is the server; use start-server",
	"module-location": "there is no module to load into Apache: gild is the server; use start-server",
	"install-module":  "there is no module to load into Apache: gild is the server; use start-server",
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit status.
func run(args []string) int {
	if len(args) == 0 {
		return usage("No command was specified.")
	}
	switch verb := args[0]; verb {
	case "start-server":
		return startServer(args)
	case frontVerb, daemonVerb, workerVerb:
		return runChild(verb)
	case "status":
		return status(args)
	case "--version", "version":
		fmt.Print(version())
		return 0
	case "--help", "-h", "help":
		fmt.Print(commands)
		return 0
	default:
		if why, ok := refused[verb]; ok {
			return usage(verb + ": " + why + ".")
		}
		return usage(fmt.Sprintf("Invalid command was specified: %s.", verb))
	}
}

const commands = `Usage: gild command [params]

Commands:
  start-server   serves a Python web application in the foreground
  status         says what the server that was started with the same options is doing
  --version      says which Python and which libraries are inside
  --help         this text; 'gild start-server --help' lists the options
`

func usage(complaint string) int {
	fmt.Fprintf(os.Stderr, "%s\ngild: error: %s\n", commands, complaint)
	return statusUsage
}

// version says what is inside: reports of errors need it.
func version() string {
	text := fmt.Sprintf("gild %s\nPython %s\nlibpython %s\n%s\n", release(), cpython.Version(), cpython.Library(), runtime.Version())
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			text += module.Path + " " + module.Version + "\n"
		}
	}
	return text
}

// release is the version of gild itself, from the tag that was built.
func release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// startServer obeys a command line, as the supervisor.
func startServer(args []string) int {
	c, err := parse(args)
	if err == nil {
		err = supervise(c)
	}
	return explain(args[0], err)
}

// parse understands a command line, verb first, in the environment of this process.
func parse(args []string) (*config.Config, error) {
	env, err := config.SystemEnv(cpython.ShortVersion(), cpython.IsFreeThreaded())
	if err != nil {
		return nil, err
	}
	return config.Parse(args[0], args[1:], env)
}

// explain says what went wrong, or what the options are, and returns the exit status.
func explain(verb string, err error) int {
	var usage *config.UsageError
	switch {
	case errors.Is(err, config.ErrHelp):
		fmt.Print(config.Help(verb))
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, usage)
		return statusUsage
	case err != nil:
		return failed(err)
	}
	return 0
}

func failed(err error) int {
	fmt.Fprintf(os.Stderr, "gild: error: %v\n", err)
	return statusFailed
}
