package logs

import (
	"fmt"
	"syscall"
	"time"
)

// A Record is one event of the error log.
type Record struct {
	Level   Level
	Module  string // who says it, as in Apache's [module:level]: "core", "mpm", "wsgi"
	Client  string // "1.2.3.4:5678" of the request it is about, or empty
	ID      string // id of the request it is about, or empty
	Message string // UTF-8; newlines make several lines of one record, each with the same prefix
	PID     uint32 // 0 = the calling process
	TID     uint32 // kernel's thread id, 0 = the calling thread
	Time    int64  // Unix nanoseconds, 0 = now
}

// Logger is an error log. Both methods may be called from any goroutine, and neither fails: a log that cannot be written
// must not stop the server, so the implementation reports and counts what it loses.
type Logger interface {
	// Enabled reports whether records of this level are kept. Use it before building a costly message.
	Enabled(level Level) bool
	// Log keeps r if its level is enabled. Fields that are zero are filled in as Record says.
	Log(r Record)
}

// Printf logs a formatted message to l; nothing is formatted when the level is off.
func Printf(l Logger, level Level, module, format string, args ...any) {
	if l.Enabled(level) {
		l.Log(Record{Level: level, Module: module, Message: fmt.Sprintf(format, args...)})
	}
}

// complete fills in what the caller of Log left zero.
func (r *Record) complete(pid int) {
	if r.PID == 0 {
		r.PID = uint32(pid)
	}
	if r.TID == 0 {
		r.TID = uint32(syscall.Gettid())
	}
	if r.Time == 0 {
		r.Time = time.Now().UnixNano()
	}
}
