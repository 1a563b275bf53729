package cpython

// #include <stdlib.h>
// #include "engine.h"
import "C"

import (
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// Config says what the Python of a process runs. It is plain data; the zero
// values of optional fields are good defaults.
type Config struct {
	Threads        int      // Python threads, 1 to 512
	StackSize      int64    // bytes of stack of a Python thread; 0 means the system's default
	Executable     string   // sys.executable; a virtual environment's bin/python selects it. "" lets Python search
	Home           string   // PYTHONHOME; "" means none
	Warnings       []string // filters as of python -W
	FreeThreading  bool     // run a free-threaded build without the GIL
	SkipFinalize   bool     // at Stop, leave the interpreters as they are: atexit does not run
	OpenStdin      bool     // leave sys.stdin usable
	Multiprocess   bool     // wsgi.multiprocess
	RunOnce        bool     // wsgi.run_once
	Prelude        string   // Python source run in each interpreter; defines load(spec), shutdown(), format_exception(t, v, tb) and what Ask calls
	Settings       string   // text for the prelude, as its variable settings_text
	ServerSoftware string   // SERVER_SOFTWARE
	LogFD          int      // socket for log frames, or -1
	LogLevel       int      // Apache's level, 0 (emerg) to 15 (trace8); records above it are dropped
	Interpreters   []Interpreter
	Applications   []Application

	ProcessGroup     string        // mod_wsgi.process_group; "" when the front is this process
	Generation       int           // of the server's configuration, for the scoreboard
	MaximumProcesses int           // of the process group
	MaximumRequests  int           // Attention reports when so many were served; 0: never
	QueueTimeout     time.Duration // a request that waited longer is answered 504; 0: never
	ScriptReloading  bool          // Attention reports when a script has changed
	ServerMetrics    bool          // mod_wsgi.server_metrics() tells
}

// Interpreter is an application group. The first of a Config is the main
// interpreter and has no name.
type Interpreter struct {
	Name   string
	OwnGIL bool // a GIL of its own (PEP 684), from Python 3.12 on
}

// Application is a WSGI callable, loaded once when Python starts.
type Application struct {
	Interpreter int    // index into Config.Interpreters
	Spec        string // handed to load() of the prelude
	Name        string // the script, for messages
}

// Lanes numbers the GILs that the applications need, as copy_config in engine.c
// does: 0 is the common one. It returns the lane of each application and how
// many there are.
func Lanes(interpreters []Interpreter, applications []Application) (lanes []int, count int) {
	of := make([]int, len(interpreters))
	for i, in := range interpreters {
		if in.OwnGIL {
			count++
			of[i] = count
		}
	}
	for _, a := range applications {
		lane := 0
		if a.Interpreter >= 0 && a.Interpreter < len(of) {
			lane = of[a.Interpreter]
		}
		lanes = append(lanes, lane)
	}
	return lanes, count + 1
}

// Python is the Python of this process. There is at most one in the life of a
// process, because CPython cannot be started twice.
type Python struct {
	arena     *Arena
	record    int
	clock     clock
	attention *attention
}

// Start starts Python, loads the applications and starts the threads, as the
// process with that record of the arena. It takes no requests yet: see
// Pool.Process. An application that cannot be loaded is no error here: see
// ApplicationError. SIGPIPE is ignored in the whole process from then on,
// because a thread that is not Go's would die of it.
func Start(a *Arena, record int, c Config) (*Python, error) {
	if err := c.check(a, record); err != nil {
		return nil, err
	}
	attention, err := newAttention()
	if err != nil {
		return nil, err
	}
	p := &Python{arena: a, record: record, clock: newClock(), attention: attention}
	signal.Ignore(syscall.SIGPIPE)
	if err := p.startC(&c); err != nil {
		attention.stop()
		return nil, err
	}
	go attention.run()
	return p, nil
}

func (c *Config) check(a *Arena, record int) error {
	if record < 0 || record >= a.Processes || c.Threads > a.Threads {
		return fmt.Errorf("cpython: the arena has room for %d processes of %d threads; this is to be process %d with %d", a.Processes, a.Threads, record, c.Threads)
	}
	if len(c.Interpreters) == 0 || c.Interpreters[0].Name != "" || c.Interpreters[0].OwnGIL {
		return errors.New("cpython: the first interpreter must be the main one, without a name and with the common GIL")
	}
	for _, i := range c.Interpreters[1:] {
		if i.OwnGIL && !HasOwnGIL() {
			return fmt.Errorf("cpython: application group %q asks for a GIL of its own, which Python has from 3.12 on; this is %s", i.Name, ShortVersion())
		}
	}
	if c.FreeThreading && !IsFreeThreaded() {
		return fmt.Errorf("cpython: free threading needs a free-threaded build of Python; this is %s", ShortVersion())
	}
	for _, a := range c.Applications {
		if a.Interpreter < 0 || a.Interpreter >= len(c.Interpreters) {
			return fmt.Errorf("cpython: application %s is in interpreter %d of %d", a.Name, a.Interpreter, len(c.Interpreters))
		}
	}
	return nil
}

// Stop ends Python: the threads finish what they serve, then atexit functions
// run and the interpreters are destroyed. It blocks for as long as the
// applications take; a caller in a hurry leaves the process instead.
func (p *Python) Stop() {
	p.Close()
	C.gild_stop()
	p.attention.stop()
}

// Close has the process take no more requests; those it has are served to their
// end. Reopen has it take requests again.
func (p *Python) Close()  { C.gild_close() }
func (p *Python) Reopen() { C.gild_reopen() }

// ApplicationError returns why an application could not be loaded, with the
// traceback, or "" if it was.
func (p *Python) ApplicationError(application int) string {
	text := C.gild_application_error(C.uint32_t(application))
	if text == nil {
		return ""
	}
	return C.GoString(text)
}

// Requests returns how many requests were served since the start, and how many
// of them count as activity.
func (p *Python) Requests() (all, activity uint64) {
	return uint64(C.gild_requests()), uint64(C.gild_activity())
}

// GILAge returns for how long Python's main thread has been waiting for a GIL. It
// takes the one of each interpreter about once a second, so that one which cannot
// be had is noticed; while all is well GILAge is 0 or some milliseconds.
func (p *Python) GILAge() time.Duration {
	wanted := int64(C.gild_gil_wanted())
	if wanted == 0 {
		return 0
	}
	return time.Duration(max(0, p.clock.now()-wanted))
}

// Interrupt raises mod_wsgi.RequestTimeout in a thread if it is still in the
// request with that serial. It returns at once; code in C is interrupted when it
// returns to Python.
func (p *Python) Interrupt(thread int, serial uint32) {
	C.gild_interrupt(C.uint32_t(thread), C.uint32_t(serial))
}

// ErrNoGIL is returned by Ask when Python's main thread did not get the GIL.
var ErrNoGIL = errors.New("cpython: the GIL could not be had in time")

// Ask calls a function of the prelude in every interpreter, on Python's main
// thread, and returns what they returned, a line for each that was not None.
func (p *Python) Ask(function, argument string, timeout time.Duration) (string, error) {
	var m cmemory
	defer m.free()
	text := C.gild_ask(m.string(function), m.string(argument), C.int64_t(timeout))
	if text == nil {
		return "", ErrNoGIL
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text), nil
}

// startC hands the configuration over. All memory is C's and freed here:
// gild_start copies what it keeps, except what lives as long as the process.
func (p *Python) startC(c *Config) error {
	var m cmemory
	defer m.free()
	config := (*C.gild_config)(m.alloc(C.sizeof_gild_config))
	p.describeProcess(config, c, &m)
	config.threads = C.uint32_t(c.Threads)
	config.stack_size = C.size_t(c.StackSize)
	config.log_fd, config.log_level = C.int(c.LogFD), C.int(c.LogLevel)
	config.executable, config.home = m.optional(c.Executable), m.optional(c.Home)
	config.warnings, config.warning_count = m.strings(c.Warnings), C.uint32_t(len(c.Warnings))
	config.free_threading, config.finalize = flag(c.FreeThreading), flag(!c.SkipFinalize)
	config.restrict_stdin, config.multiprocess, config.run_once = flag(!c.OpenStdin), flag(c.Multiprocess), flag(c.RunOnce)
	config.prelude, config.settings = m.string(c.Prelude), m.string(c.Settings)
	config.server_software = m.string(c.ServerSoftware)
	config.interpreters, config.interpreter_count = m.interpreters(c.Interpreters), C.uint32_t(len(c.Interpreters))
	config.applications, config.application_count = m.applications(c.Applications), C.uint32_t(len(c.Applications))
	const size = 8192
	text := (*C.char)(m.alloc(size))
	if C.gild_start(config, text, size) != 0 {
		return fmt.Errorf("cpython: %s", strings.TrimSpace(C.GoString(text)))
	}
	return nil
}

// describeProcess says which process of the arena this is, and how it lives.
func (p *Python) describeProcess(config *C.gild_config, c *Config, m *cmemory) {
	config.arena, config.layout = unsafe.Pointer(p.arena.head), p.arena.layout
	config.process = C.uint32_t(p.record)
	config.event_fd = C.int(descriptor(p.arena.event))
	config.file_fd = -1
	if p.arena.shared {
		config.file_fd = C.int(descriptor(p.arena.files[1]))
	}
	config.attention_fd = C.int(p.attention.fd)
	config.process_group = m.string(c.ProcessGroup)
	config.generation = C.uint32_t(c.Generation)
	config.maximum_processes = C.uint32_t(max(1, c.MaximumProcesses))
	config.maximum_requests = C.uint64_t(c.MaximumRequests)
	config.queue_timeout = C.int64_t(c.QueueTimeout)
	config.script_reloading, config.server_metrics = flag(c.ScriptReloading), flag(c.ServerMetrics)
}
