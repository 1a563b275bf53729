package mpm

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Usage measures the process it is in: the part of a [Subject] that has nothing to do with Python. Any goroutine may use it.
type Usage struct{ statm *os.File }

// OpenUsage returns a Usage. It needs /proc, so it has to be called before a chroot.
func OpenUsage() (*Usage, error) {
	statm, err := os.Open("/proc/self/statm")
	if err != nil {
		return nil, fmt.Errorf("the size of the process cannot be watched: %w", err)
	}
	return &Usage{statm}, nil
}

// CPU returns the user and system time of all threads of the process, without its children.
func (u *Usage) CPU() time.Duration {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) != nil {
		return 0 // fails for wrong arguments only
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// RSS returns the bytes of the process that are in memory, as ps and top show them, or 0 if they cannot be read.
func (u *Usage) RSS() int64 {
	text := make([]byte, 256)
	n, _ := u.statm.ReadAt(text, 0)
	size, err := parseMemory(string(text[:n]))
	if err != nil {
		return 0
	}
	return size.resident
}

// memory is what a process occupies, in bytes.
type memory struct {
	virtual  int64 // address space, as RLIMIT_AS counts it
	resident int64
	data     int64 // private writable memory, as RLIMIT_DATA counts it, and the main stack
}

// readMemory measures the calling process.
func readMemory() (memory, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return memory{}, err
	}
	return parseMemory(string(text))
}

// parseMemory reads /proc/PID/statm (proc(5)): seven numbers of pages, the third to fifth of no interest here.
func parseMemory(statm string) (memory, error) {
	var size memory
	var ignored int64
	if _, err := fmt.Sscan(statm, &size.virtual, &size.resident, &ignored, &ignored, &ignored, &size.data); err != nil {
		return memory{}, fmt.Errorf("/proc/self/statm: %q: %w", statm, err)
	}
	page := int64(os.Getpagesize())
	return memory{virtual: size.virtual * page, resident: size.resident * page, data: size.data * page}, nil
}
