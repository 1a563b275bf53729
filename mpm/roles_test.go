package mpm

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gild/logs"
)

// The roles of the tests with real processes: the test binary is executed again as a supervisor, whose children are the test
// binary once more. A child calls the test over TCP, says what it is and then what it is told; the connection lives as long
// as the child, so that its end needs no polling.

const roleVariable = "MPM_TEST_ROLE"

// part is what a supervisor of these tests is told on its standard input, and passes on to its children as configuration.
type part struct {
	Home          string // address of the test, which children call
	Embedded      bool
	Processes     int
	Timeout       time.Duration // for shutdown; the graceful timeout is as long
	PidFile       string
	Configuration string // path of a file with the number of processes for the next generation
	Behave        string // "serve", "hang": ignores messages; or the path of a file with "ready" or the text of a failure
	Exec          string // what to execute as a child, if not the test binary
	UserID        uint32 // user of the children, 0 = the supervisor's
	ErrorLog      string
}

// plan returns a plan of p. The front gets the listener, the daemons a file that says which group they are in, workers both.
func (p part) plan(generation int, listener *os.File) *Plan {
	config, _ := json.Marshal(p)
	role := Role{Name: "gild", Args: []string{"child-of-test", "daemon"}, Env: append(os.Environ(), roleVariable+"=child"), Config: config}
	if p.UserID != 0 {
		role.Credential = &syscall.Credential{Uid: p.UserID, Gid: p.UserID}
	}
	plan := &Plan{Generation: generation}
	if !p.Embedded {
		front := role
		front.Name, front.Args, front.Files = "front", []string{"child-of-test", "front"}, []*os.File{listener}
		plan.Front = &front
	}
	for range 2 {
		g := Group{Role: role, Processes: p.Processes, Shutdown: p.Timeout, Graceful: p.Timeout}
		g.Files = []*os.File{groupFile(len(plan.Groups)), listener}
		plan.Groups = append(plan.Groups, g)
		if p.Processes != 1 {
			break
		}
	}
	return plan
}

// groupFile returns a file with the number of a group in it.
func groupFile(index int) *os.File {
	fd, err := unix.MemfdCreate("group", unix.MFD_CLOEXEC)
	if err != nil {
		die(err)
	}
	f := os.NewFile(uintptr(fd), "group")
	if _, err := fmt.Fprint(f, index); err != nil {
		die(err)
	}
	return f
}

// supervisorMain is the supervisor role: main, in miniature.
func supervisorMain() {
	var p part
	if err := json.NewDecoder(os.Stdin).Decode(&p); err != nil {
		die(err)
	}
	writer, err := logs.OpenWriter(logs.Options{ErrorLog: p.ErrorLog, Levels: logs.Levels{Level: logs.Debug}})
	if err != nil {
		die(err)
	}
	o := Options{Executable: p.Exec, PidFile: p.PidFile, Log: writer, ServeLog: writer.Serve, Reopen: writer.Reopen, Stderr: os.Stderr}
	listener := testListener()
	o.Plan = p.plan(1, listener)
	o.Reload = func() (*Plan, error) { return p.reload(listener) }
	o.Retire = func(plan *Plan) { fmt.Fprintf(os.Stderr, "generation %d has ended\n", plan.Generation) }
	s, err := New(o)
	if err == nil {
		err = s.Run()
	}
	if err != nil {
		die(err)
	}
}

// reload returns the plan that the file of p asks for, as generation 2.
func (p part) reload(listener *os.File) (*Plan, error) {
	text, err := os.ReadFile(p.Configuration)
	if err != nil {
		return nil, nil
	}
	p.Processes, err = strconv.Atoi(string(text))
	return p.plan(2, listener), err
}

// testListener returns a listening socket.
func testListener() *os.File {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		die(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		die(err)
	}
	_ = listener.Close()
	return file
}

// die ends a process of the tests.
func die(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// childMain is the role of front, daemon and worker.
func childMain() {
	parent, err := Inherit()
	if err != nil {
		die(err)
	}
	var p part
	if err := json.Unmarshal(parent.Config, &p); err != nil {
		die(err)
	}
	log := logs.NewClient(parent.LogFD, logs.Levels{Level: logs.Debug})
	logs.Printf(log, logs.Info, "core", "child says hello")
	home, err := net.Dial("tcp", p.Home)
	if err != nil {
		die(err)
	}
	_ = json.NewEncoder(home).Encode(self(parent, p))
	_ = report(parent, p.Behave) // a supervisor that is gone is noticed below
	go obey(parent, home)
	if p.Behave == "hang" {
		select {}
	}
	listenTo(parent, home)
}

// listenTo repeats to the test what the supervisor says, and leaves when it is told to.
func listenTo(parent *Parent, home net.Conn) {
	for message := range parent.Messages {
		fmt.Fprintln(home, message)
		if verb, _, _ := strings.Cut(message, " "); verb == "stop" || verb == "drain" {
			os.Exit(0)
		}
	}
	fmt.Fprintf(home, "orphaned %v\n", parent.Orphaned())
	os.Exit(1)
}

// report tells the supervisor how loading went.
func report(parent *Parent, behave string) error {
	if !filepath.IsAbs(behave) || parent.Group < 0 {
		return parent.Ready()
	}
	text, err := os.ReadFile(behave)
	if err != nil || string(text) != "ready" {
		return errors.Join(err, parent.Failed(string(text)))
	}
	return parent.Ready()
}

// person is what a child tells of itself.
type person struct {
	PID, Parent, ProcessGroup, User  int
	Name                             string   // argv[0]
	Verb                             string   // argv[1]
	Group, Record, Generation, Asked int      // what the envelope said; processes in the configuration
	Listener                         string   // address of the inherited socket
	GroupFile                        string   // what is in the other file
	Leaks                            []string // what a program that the child executes would inherit beyond 0, 1 and 2
}

// self describes the child.
func self(parent *Parent, p part) person {
	me := person{PID: os.Getpid(), Parent: os.Getppid(), ProcessGroup: syscall.Getpgrp(), User: os.Getuid(), Name: os.Args[0], Verb: os.Args[1],
		Group: parent.Group, Record: parent.Record, Generation: parent.Generation, Asked: p.Processes}
	for _, f := range parent.Files {
		if l, err := net.FileListener(f); err == nil {
			me.Listener = l.Addr().String()
			continue
		}
		text := make([]byte, 10)
		n, _ := f.ReadAt(text, 0)
		me.GroupFile = string(text[:n])
	}
	for fd := 3; fd < 64; fd++ {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			me.Leaks = append(me.Leaks, strconv.Itoa(fd))
		}
	}
	return me
}

// obey does what the test says over the connection.
func obey(parent *Parent, home net.Conn) {
	for lines := bufio.NewScanner(home); lines.Scan(); {
		switch verb, text, _ := strings.Cut(lines.Text(), " "); verb {
		case "die":
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "print":
			fmt.Fprint(os.Stderr, text)
		case "say":
			if err := parent.Say("%s", text); err != nil {
				die(err)
			}
		}
	}
}
