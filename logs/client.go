package logs

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	flushSize  = 32 << 10               // an access block is sent when it has grown to this; with 8 the supervisor took three times the time for them
	flushDelay = 100 * time.Millisecond // or when its first line is this old
	sendWait   = time.Second            // how long the first record that finds the socket full waits
	room       = MaxFrame - frameHead   // bytes of text that fit into one frame
)

// A Client is a worker's end of the log: it sends records and access-log lines to the supervisor. All methods may be
// called from any goroutine.
//
// A record is in the kernel when Log returns. When the supervisor does not read, one call waits for it, for a second at
// most; after that everything is dropped and counted until the socket takes data again, and a record then says how much
// was lost. When the supervisor is gone everything is dropped.
type Client struct {
	fd     int
	levels Levels
	most   Level // of levels
	pid    int
	wait   time.Duration // sendWait, but for tests

	mu      sync.Mutex
	frame   []byte // scratch for one encoded frame
	lines   []byte // access-log lines not yet sent
	timer   *time.Timer
	stalled bool   // the last send failed: do not wait again
	dropped uint64 // records and blocks lost since stalled was set
	closed  bool
}

var _ Logger = (*Client)(nil)

// NewClient returns a client that sends to the SOCK_SEQPACKET socket fd the records that levels keep.
// The descriptor stays the caller's: others (the C threads) may send frames on it as well, and Close leaves it open.
func NewClient(fd int, levels Levels) *Client {
	c := &Client{fd: fd, levels: levels, most: levels.most(), pid: os.Getpid(), wait: sendWait}
	c.timer = time.AfterFunc(time.Hour, c.Flush)
	c.timer.Stop()
	return c
}

// Enabled implements [Logger].
func (c *Client) Enabled(level Level) bool { return enabled(level, c.most) }

// Log implements [Logger]. A message too long for a frame becomes several records, split at line ends where possible.
func (c *Client) Log(r Record) {
	if !c.levels.keeps(&r) {
		return
	}
	r.complete(c.pid)
	r.Module, r.Client, r.ID = clip(r.Module), clip(r.Client), clip(r.ID)
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := room - len(r.Module) - len(r.Client) - len(r.ID)
	message := r.Message
	for len(message) > limit {
		r.Message, message = splitMessage(message, limit)
		c.send(&Frame{Kind: KindError, Record: r})
	}
	r.Message = message
	c.send(&Frame{Kind: KindError, Record: r})
}

// clip bounds a name so that names alone never fill a frame.
func clip(s string) string { return s[:min(len(s), 1024)] }

// splitMessage cuts s, which is longer than limit, at the last line end that fits, else in the middle of the line.
func splitMessage(s string, limit int) (head, tail string) {
	if i := strings.LastIndexByte(s[:limit+1], '\n'); i > 0 {
		return s[:i], s[i+1:]
	}
	return s[:limit], s[limit:]
}

// Access queues one finished access-log line, which must end in '\n'; the line is copied. Lines are sent in blocks, when 32 KiB
// have gathered or after 100 ms. A line that no frame can carry loses its end.
func (c *Client) Access(line []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines)+len(line) > room {
		c.flush()
	}
	if len(line) > room {
		c.lines = append(append(c.lines, line[:room-1]...), '\n')
	} else {
		c.lines = append(c.lines, line...)
	}
	switch {
	case c.closed || len(c.lines) >= flushSize:
		c.flush()
	case len(c.lines) == len(line):
		c.timer.Reset(flushDelay)
	}
}

// Flush sends the access-log lines that wait for more.
func (c *Client) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

// Close flushes. Records and lines that come later are still sent, lines then one by one.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.flush()
}

// flush sends the queued lines as one frame. The caller holds mu.
func (c *Client) flush() {
	if len(c.lines) == 0 {
		return
	}
	c.timer.Stop()
	f := Frame{Kind: KindAccess, Record: Record{PID: uint32(c.pid), Time: time.Now().UnixNano()}}
	frame, err := AppendFrame(c.frame[:0], &f)
	if err == nil {
		frame = append(frame, c.lines...)
		c.transmit(frame)
	}
	c.frame, c.lines = frame, c.lines[:0]
}

// send encodes and transmits one error frame. The caller holds mu and has seen to the size.
func (c *Client) send(f *Frame) {
	frame, err := AppendFrame(c.frame[:0], f)
	c.frame = frame
	if err != nil {
		c.dropped++
		return
	}
	c.transmit(frame)
}

// transmit sends one encoded frame or counts it as dropped. The caller holds mu.
func (c *Client) transmit(frame []byte) {
	wait := c.wait
	if c.stalled {
		wait = 0
	}
	if !sendFrame(c.fd, frame, wait) {
		c.stalled = true
		c.dropped++
		return
	}
	if c.stalled {
		c.stalled = false
		c.confess()
	}
}

// confess logs how much was lost while the socket took nothing. The caller holds mu.
func (c *Client) confess() {
	r := Record{Level: Warn, Module: "core", Message: "The log socket was full: " +
		strconv.FormatUint(c.dropped, 10) + " records or blocks of access-log lines were dropped."}
	r.complete(c.pid)
	c.dropped = 0
	if b, err := AppendFrame(nil, &Frame{Kind: KindError, Record: r}); err == nil {
		sendFrame(c.fd, b, 0)
	}
}

// sendFrame sends one datagram, waiting up to wait for room in the socket. The wait holds a thread, which is why it is
// short and happens once per stall; the descriptor is left in blocking mode because the C threads share it.
func sendFrame(fd int, frame []byte, wait time.Duration) bool {
	for deadline := time.Now().Add(wait); ; {
		err := unix.Send(fd, frame, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		left := time.Until(deadline)
		if err != unix.EAGAIN || left <= 0 {
			return err == nil
		}
		ms := int(left/time.Millisecond) + 1
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, ms)
	}
}
