package mpm

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// spareMemory is what a process must at least get beyond what it occupies when its memory is limited. With less not even
// Python starts, and the Go runtime ends a process that gets none.
const spareMemory = 64 << 20

// Resources are the limits that the kernel enforces on a process. The zero value limits nothing.
type Resources struct {
	CPUTime       time.Duration // cpu-time-limit: SIGXCPU after that much user and system time; rounded up to seconds
	CPUPriority   int           // cpu-priority: nice value, -20 to 19; 0 leaves it; below the present one only for root
	Memory        int64         // memory-limit: RLIMIT_DATA in bytes
	VirtualMemory int64         // virtual-memory-limit: RLIMIT_AS in bytes
	Room          int64         // bytes that the process will yet map by itself: its arena, and the stacks of its threads
	Umask         *int          // umask; nil leaves it
}

// ApplyLimits sets the limits on the calling process, for all its threads. It is called once, before Python and its threads
// start; children that the application starts inherit the limits. The error names the option that cannot be obeyed and
// says why.
//
// RLIMIT_CPU is set as a soft limit only: a process whose replacement does not start must go on serving, so it must not be
// killed. [Monitor] hears the signal.
//
// The limits of memory count everything the process has mapped, not what the application has asked for. RLIMIT_DATA counts
// private writable memory: Go's heap, about 40 MB, and the stacks of the Python threads, 8 MB each by default. RLIMIT_AS
// counts address space, of which Go reserves more than a gigabyte, plus libraries and the arena. A limit that the process
// fills already, or would fill with Room and 64 MiB to work with, is refused. When an application reaches its limit it gets
// MemoryError; if it is Go's heap that reaches it, the process ends and is replaced.
func ApplyLimits(r Resources) error {
	if r.Umask != nil {
		syscall.Umask(*r.Umask)
	}
	size, err := readMemory()
	if err != nil && (r.Memory > 0 || r.VirtualMemory > 0) {
		return fmt.Errorf("--memory-limit, --virtual-memory-limit: the present size of the process cannot be read: %w", err)
	}
	return errors.Join(
		naming("--cpu-priority", setPriority(r.CPUPriority)),
		naming("--cpu-time-limit", limitCPU(r.CPUTime)),
		naming("--memory-limit", limitMemory(unix.RLIMIT_DATA, r.Memory, size.data+r.Room)),
		naming("--virtual-memory-limit", limitMemory(unix.RLIMIT_AS, r.VirtualMemory, size.virtual+r.Room)),
	)
}

// naming says which option an error is about.
func naming(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}

// setPriority sets the nice value. Linux keeps one for each thread, and a new thread has that of the one that made it: so it is
// set until no thread with another one is found.
func setPriority(nice int) error {
	for changed := nice != 0; changed; {
		changed = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil {
				return err
			}
			set, err := setThreadPriority(tid, nice)
			if err != nil {
				return err
			}
			changed = changed || set
		}
	}
	return nil
}

// setThreadPriority sets the nice value of a thread, and says whether it had another one. A thread that has ended needs none.
func setThreadPriority(tid, nice int) (set bool, err error) {
	present, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("getpriority", err)
	}
	present = 20 - present // the system call returns it turned round, to keep negative numbers for errors
	if present == nice {
		return false, nil
	}
	switch err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); {
	case errors.Is(err, unix.EACCES):
		return false, fmt.Errorf("a process with nice value %d may not go to %d; only root can raise its priority", present, nice)
	case errors.Is(err, unix.ESRCH):
		return false, nil
	default:
		return err == nil, os.NewSyscallError("setpriority", err)
	}
}

// limitCPU has the kernel send SIGXCPU after d, and once more after each further second.
func limitCPU(d time.Duration) error {
	if d == 0 {
		return nil
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	limit.Cur = uint64((d + time.Second - 1) / time.Second)
	if limit.Cur > limit.Max {
		return fmt.Errorf("%d s is more than the hard limit of %d s that gild was started with (ulimit -Ht)", limit.Cur, limit.Max)
	}
	return os.NewSyscallError("setrlimit", unix.Setrlimit(unix.RLIMIT_CPU, &limit))
}

// limitMemory sets a limit of bytes, hard and soft, for a process that needs some of them for itself.
func limitMemory(resource int, bytes, needed int64) error {
	if bytes == 0 {
		return nil
	}
	if least := needed + spareMemory; bytes < least {
		return fmt.Errorf("%d bytes are too few: gild needs %d of them for itself, so give at least %d, and what the application takes", bytes, needed, least)
	}
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	err := unix.Setrlimit(resource, &limit)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%d bytes are more than the hard limit that gild was started with (ulimit -H)", bytes)
	}
	return os.NewSyscallError("setrlimit", err)
}
