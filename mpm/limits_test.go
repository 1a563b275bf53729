package mpm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// limitsVariable holds the Resources that TestLimitsChild, in a process of its own, applies to itself.
const limitsVariable = "MPM_TEST_LIMITS"

// outcome is what became of it.
type outcome struct {
	Error              string
	CPU, Data, Virtual unix.Rlimit
	Nice               []int // of every thread
	Umask              int
}

// TestLimitsChild is no test: it is the process in which the tests below apply limits.
func TestLimitsChild(t *testing.T) {
	text, ok := os.LookupEnv(limitsVariable)
	if !ok {
		t.Skip("this is the child of TestLimits")
	}
	var r Resources
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	defer beBusy()()
	o, err := applyAndLook(r)
	if err != nil {
		t.Fatal(err)
	}
	line, _ := json.Marshal(o)
	fmt.Printf("outcome %s\n", line)
}

// beBusy keeps some threads alive until the function it returns is called.
func beBusy() (end func()) {
	done := make(chan struct{})
	for range 3 {
		locked := make(chan struct{})
		go func() { runtime.LockOSThread(); close(locked); <-done }()
		<-locked
	}
	return func() { close(done) }
}

// applyAndLook applies r to this process and looks at the result.
func applyAndLook(r Resources) (o outcome, err error) {
	if err := ApplyLimits(r); err != nil {
		o.Error = err.Error()
	}
	o.Umask = syscall.Umask(0)
	o.Nice, err = niceValues()
	return o, errors.Join(err, unix.Getrlimit(unix.RLIMIT_CPU, &o.CPU), unix.Getrlimit(unix.RLIMIT_DATA, &o.Data),
		unix.Getrlimit(unix.RLIMIT_AS, &o.Virtual))
}

// niceValues returns the nice value of each thread.
func niceValues() (values []int, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		var tid int
		fmt.Sscan(task.Name(), &tid)
		value, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
		if err != nil {
			return nil, err
		}
		values = append(values, 20-value)
	}
	return values, err
}

// limited runs a process that applies r; prefix is a shell command before it, user who runs it.
func limited(t *testing.T, r Resources, prefix string, user int) (o outcome) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	// Others than root may not be allowed to reach the binary by its path.
	command := exec.Command("/bin/sh", "-c", prefix+" exec /proc/self/fd/3 -test.run='^TestLimitsChild$' -test.v")
	command.ExtraFiles, command.Dir = []*os.File{binary}, "/"
	command.Env = append(os.Environ(), limitsVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	if user != os.Getuid() {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	}
	out, err := command.CombinedOutput()
	_, line, found := strings.Cut(string(out), "outcome ")
	if err != nil || !found {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&o); err != nil {
		t.Fatal(err)
	}
	return o
}

// huge leaves room even for the race detector, which reserves terabytes.
const huge = 1 << 46

func TestLimits(t *testing.T) {
	umask := 0o027
	o := limited(t, Resources{CPUTime: 90e9 + 1, CPUPriority: 5, Memory: 8 << 30, VirtualMemory: huge, Umask: &umask}, "", os.Getuid())
	if o.Error != "" {
		t.Fatal(o.Error)
	}
	if o.CPU.Cur != 91 || o.CPU.Max == 91 {
		t.Errorf("RLIMIT_CPU is %+v, not 91 s with a hard limit that kills nothing", o.CPU)
	}
	if (o.Data != unix.Rlimit{Cur: 8 << 30, Max: 8 << 30}) || (o.Virtual != unix.Rlimit{Cur: huge, Max: huge}) {
		t.Errorf("RLIMIT_DATA is %+v, RLIMIT_AS %+v", o.Data, o.Virtual)
	}
	if len(o.Nice) < 4 {
		t.Errorf("only %d threads", len(o.Nice))
	}
	for _, nice := range o.Nice {
		if nice != 5 {
			t.Errorf("nice values %v, not all 5", o.Nice)
		}
	}
	if o.Umask != umask {
		t.Errorf("umask is %#o, not %#o", o.Umask, umask)
	}
}

func TestLimitsUntouched(t *testing.T) {
	o := limited(t, Resources{}, "umask 022; ulimit -St 1234; ", os.Getuid())
	if o.Error != "" || o.CPU.Cur != 1234 || o.Umask != 0o022 {
		t.Errorf("no limits became %+v", o)
	}
}

func TestLimitsRefused(t *testing.T) {
	for _, c := range []struct {
		name, prefix string
		r            Resources
		says         []string
	}{
		{"memory", "", Resources{Memory: 1 << 20}, []string{"--memory-limit: 1048576 bytes are too few", "give at least"}},
		{"virtual memory", "", Resources{VirtualMemory: 1 << 20}, []string{"--virtual-memory-limit: 1048576 bytes are too few"}},
		{"no room", "", Resources{VirtualMemory: huge, Room: huge}, []string{"--virtual-memory-limit: 70368744177664 bytes are too few"}},
		{"hard limit of CPU time", "ulimit -t 60;", Resources{CPUTime: 61e9},
			[]string{"--cpu-time-limit: 61 s is more than the hard limit of 60 s", "ulimit -Ht"}},
		{"two at once", "", Resources{Memory: 1, VirtualMemory: 1}, []string{"--memory-limit", "--virtual-memory-limit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := limited(t, c.r, c.prefix, os.Getuid())
			for _, words := range c.says {
				if !strings.Contains(o.Error, words) {
					t.Errorf("the error is %q, without %q", o.Error, words)
				}
			}
		})
	}
}

// TestLimitsPriorityNeedsRoot shows the error of somebody else who wants to be served first.
func TestLimitsPriorityNeedsRoot(t *testing.T) {
	user := os.Getuid()
	if user == 0 {
		user = 65534 // nobody
	}
	o := limited(t, Resources{CPUPriority: -5}, "", user)
	if !strings.Contains(o.Error, "--cpu-priority") || !strings.Contains(o.Error, "only root") {
		t.Errorf("the error is %q", o.Error)
	}
}

func TestUsage(t *testing.T) {
	u, err := OpenUsage()
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory() // or Go might give memory back just between the two looks
	before := u.RSS()
	memory, err := unix.Mmap(-1, 0, 64<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	if after := u.RSS(); before < 1<<20 || after < before+32<<20 {
		t.Errorf("64 MiB more changed the size from %d to %d", before, after)
	}
	for start := u.CPU(); u.CPU() == start; { // ends: it uses the processor
	}
}

func TestParseMemory(t *testing.T) {
	page := int64(os.Getpagesize())
	size, err := parseMemory("500 300 20 10 0 120 0\n")
	if want := (memory{virtual: 500 * page, resident: 300 * page, data: 120 * page}); err != nil || size != want {
		t.Errorf("%+v, %v, not %+v", size, err, want)
	}
	for _, text := range []string{"", "1 2 3", "one two three four five six"} {
		if size, err := parseMemory(text); err == nil {
			t.Errorf("%q is %+v", text, size)
		}
	}
}
