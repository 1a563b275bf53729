package cpython

// #include <stdlib.h>
// #include "engine.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Config says what a Pool runs. It is plain data; the zero values of optional
// fields are good defaults.
type Config struct {
	Threads        int      // Python threads, 1 to 512
	Requests       int      // requests in flight, queued ones included; 0 means 1024
	StackSize      int64    // bytes of stack of a Python thread; 0 means the system's default
	Executable     string   // sys.executable; a virtual environment's bin/python selects it. "" lets Python search
	Home           string   // PYTHONHOME; "" means none
	Warnings       []string // filters as of python -W
	FreeThreading  bool     // run a free-threaded build without the GIL
	SkipFinalize   bool     // at Stop, leave the interpreters as they are: atexit does not run
	OpenStdin      bool     // leave sys.stdin usable
	Multiprocess   bool     // wsgi.multiprocess
	Prelude        string   // Python source run in each interpreter; defines load(spec), shutdown(), format_exception(t, v, tb)
	Settings       string   // text for the prelude, as its variable settings_text
	ServerSoftware string   // SERVER_SOFTWARE
	LogFD          int      // socket for log frames, or -1
	LogLevel       int      // Apache's level, 0 (emerg) to 15 (trace8); records above it are dropped
	Interpreters   []Interpreter
	Applications   []Application
}

// Interpreter is an application group. The first of a Config is the main
// interpreter and has no name.
type Interpreter struct {
	Name   string
	OwnGIL bool // a GIL of its own (PEP 684), from Python 3.12 on
}

// Application is a WSGI callable, loaded once when the pool starts.
type Application struct {
	Interpreter int    // index into Config.Interpreters
	Spec        string // handed to load() of the prelude
	Name        string // the script, for messages
}

// Pool is the Python of this process. There is at most one in the life of a
// process, because CPython cannot be started twice.
type Pool struct {
	arena  *arena
	clock  clock
	poller *poller
	lanes  []int // of each application
	push   []sync.Mutex

	mu      sync.Mutex
	free    []*Request // a stack: the slot used last has its pages in memory
	waiting []chan *Request
	all     []Request
}

// Start starts Python, loads the applications and starts the threads. An
// application that cannot be loaded is no error here: see ApplicationError.
// SIGPIPE is ignored in the whole process from then on, because a thread that
// is not Go's would die of it.
func Start(config Config) (*Pool, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	p := &Pool{clock: newClock()}
	if err := p.build(&config); err != nil {
		return nil, err
	}
	signal.Ignore(syscall.SIGPIPE)
	if err := p.startC(&config); err != nil {
		p.poller.stop()
		return nil, err
	}
	return p, nil
}

func (c *Config) check() error {
	if c.Requests == 0 {
		c.Requests = 1024
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

// laneOf numbers the GILs as copy_config in engine.c does: 0 is the common one.
func (c *Config) laneOf(interpreter int) int {
	lane := 0
	if !c.Interpreters[interpreter].OwnGIL {
		return 0
	}
	for _, i := range c.Interpreters[:interpreter+1] {
		if i.OwnGIL {
			lane++
		}
	}
	return lane
}

// build makes everything that is Go's: the arena, its slots, the poller.
func (p *Pool) build(c *Config) error {
	lanes := 1
	for i := range c.Interpreters {
		lanes = max(lanes, c.laneOf(i)+1)
	}
	var err error
	p.arena, err = newArena(geometry{slots: c.Requests, lanes: lanes, processes: 1, threads: c.Threads})
	if err != nil {
		return err
	}
	for _, a := range c.Applications {
		p.lanes = append(p.lanes, c.laneOf(a.Interpreter))
	}
	p.push = make([]sync.Mutex, lanes)
	p.all = make([]Request, c.Requests)
	for i := range p.all {
		p.all[i].init(p, i)
		p.free = append(p.free, &p.all[len(p.all)-1-i])
	}
	p.poller, err = newPoller(p.arena, func(slot int) { p.all[slot].wakeUp() })
	if err == nil {
		go p.poller.run()
	}
	return err
}

// Acquire returns a slot for a request, waiting for one until the context ends.
// The caller owns it until Release.
func (p *Pool) Acquire(ctx context.Context) (*Request, error) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		r := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		r.begin()
		return r, nil
	}
	turn := make(chan *Request, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case r := <-turn:
		r.begin()
		return r, nil
	case <-ctx.Done():
		p.giveUp(turn)
		return nil, ctx.Err()
	}
}

// giveUp takes a waiter out of the queue, or passes on what it was just given.
func (p *Pool) giveUp(turn chan *Request) {
	p.mu.Lock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	p.putBack(<-turn)
}

func (p *Pool) putBack(r *Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.waiting[0] <- r
		p.waiting = p.waiting[1:]
		return
	}
	p.free = append(p.free, r)
}

// Queued returns how many requests wait for a Python thread.
func (p *Pool) Queued() int {
	n := 0
	for lane := range p.arena.rings {
		n += p.arena.queued(lane)
	}
	return n
}

// Stop ends Python: the threads finish what they serve, then atexit functions
// run and the interpreters are destroyed. It blocks for as long as the
// applications take; a caller in a hurry leaves the process instead. No request
// may be in flight or submitted later.
func (p *Pool) Stop() {
	C.gild_stop()
	p.poller.stop()
}

// ApplicationError returns why an application could not be loaded, with the
// traceback, or "" if it was.
func (p *Pool) ApplicationError(application int) string {
	text := C.gild_application_error(C.uint32_t(application))
	if text == nil {
		return ""
	}
	return C.GoString(text)
}

// startC hands the configuration over. All memory is C's and freed here:
// gild_start copies what it keeps, except what lives as long as the process.
func (p *Pool) startC(c *Config) error {
	var m cmemory
	defer m.free()
	config := (*C.gild_config)(m.alloc(C.sizeof_gild_config))
	config.arena = unsafe.Pointer(p.arena.head)
	config.threads = C.uint32_t(c.Threads)
	config.stack_size = C.size_t(c.StackSize)
	config.event_fd = C.int(p.poller.event.Fd())
	config.log_fd, config.log_level = C.int(c.LogFD), C.int(c.LogLevel)
	config.executable, config.home = m.optional(c.Executable), m.optional(c.Home)
	config.warnings, config.warning_count = m.strings(c.Warnings), C.uint32_t(len(c.Warnings))
	config.free_threading, config.finalize = flag(c.FreeThreading), flag(!c.SkipFinalize)
	config.restrict_stdin, config.multiprocess = flag(!c.OpenStdin), flag(c.Multiprocess)
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

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// A cmemory is C memory with one lifetime.
type cmemory struct{ blocks []unsafe.Pointer }

func (m *cmemory) alloc(size C.size_t) unsafe.Pointer {
	block := C.calloc(1, max(size, 1))
	if block == nil {
		panic("cpython: out of memory")
	}
	m.blocks = append(m.blocks, block)
	return block
}

func (m *cmemory) free() {
	for _, b := range m.blocks {
		C.free(b)
	}
}

func (m *cmemory) string(s string) *C.char {
	text := C.CString(s)
	m.blocks = append(m.blocks, unsafe.Pointer(text))
	return text
}

func (m *cmemory) optional(s string) *C.char {
	if s == "" {
		return nil
	}
	return m.string(s)
}

func (m *cmemory) strings(list []string) **C.char {
	block := m.alloc(C.size_t(len(list)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	for i, s := range list {
		unsafe.Slice((**C.char)(block), len(list))[i] = m.string(s)
	}
	return (**C.char)(block)
}

func (m *cmemory) interpreters(list []Interpreter) *C.gild_interpreter_config {
	block := m.alloc(C.size_t(len(list)) * C.sizeof_gild_interpreter_config)
	for i, in := range list {
		c := &unsafe.Slice((*C.gild_interpreter_config)(block), len(list))[i]
		c.name, c.own_gil = m.string(in.Name), flag(in.OwnGIL)
	}
	return (*C.gild_interpreter_config)(block)
}

func (m *cmemory) applications(list []Application) *C.gild_application_config {
	block := m.alloc(C.size_t(len(list)) * C.sizeof_gild_application_config)
	for i, a := range list {
		c := &unsafe.Slice((*C.gild_application_config)(block), len(list))[i]
		c.interpreter, c.spec, c.name = C.uint32_t(a.Interpreter), m.string(a.Spec), m.string(a.Name)
	}
	return (*C.gild_application_config)(block)
}

// Version returns the version of the Python inside, as sys.version has it.
// Callable at any time.
func Version() string { return C.GoString(C.gild_python_version()) }

// ShortVersion returns the version that the program was built for, such as
// "3.11". Callable at any time.
func ShortVersion() string { return C.GoString(C.gild_python_short_version()) }

// Library returns the path of the Python library in use, or "".
func Library() string { return C.GoString(C.gild_python_library()) }

// IsFreeThreaded reports whether the build of Python can run without a GIL.
func IsFreeThreaded() bool { return C.gild_python_is_free_threaded() != 0 }

// HasOwnGIL reports whether an interpreter can have a GIL of its own.
func HasOwnGIL() bool { return C.gild_python_has_own_gil() != 0 }
