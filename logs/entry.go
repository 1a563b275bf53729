package logs

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// An Entry is what is known of one finished request: plain data that the server fills and a format reads. The zero value
// of a field means "not known" and is printed as Apache prints it, mostly as "-".
type Entry struct {
	Request  *http.Request // as received; nil when no complete request head came
	Header   http.Header   // the response header as sent
	Status   int           // the status sent
	Body     int64         // %b: bytes of the response body sent
	Received int64         // %I: bytes received for this request, head included
	Sent     int64         // %O: bytes sent for it, head included

	Start     time.Time     // when the first byte of the request came
	Duration  time.Duration // from Start to the last byte of the response
	FirstByte time.Duration // from Start to the head of the response
	Timings   Timings       // what only the application knows

	ClientAddr string   // "host:port" of the client; empty = Request.RemoteAddr
	PeerAddr   string   // "host:port" at the other end of the connection (a proxy's); empty = ClientAddr
	LocalAddr  net.Addr // the accepting end of the connection
	ServerName string   // %v: the canonical name of the server; empty = the Host header
	Port       int      // %p: the canonical port; 0 = the port of LocalAddr

	User     string // %u: the authenticated user
	ID       string // %L: request id, as in the error log
	Handler  string // %R
	Filename string // %f: the script or file that answered
	TID      uint32 // the thread that ran the application; 0 = the logging thread

	Aborted   bool // the connection broke before the response was complete
	KeepAlive bool // the connection stays open
	Reused    int  // %k: requests served on this connection before this one

	Original *Entry // the request before the first internal redirect: other URL, status, user and handler, the rest the same; nil = there was none

	Environ func(name string) string // %{name}e; nil = no variables
	Note    func(name string) string // %{name}n; nil = no notes
	TLS     func(name string) string // %{name}x: a variable of mod_ssl, such as SSL_PROTOCOL; nil = there are none
}

// Timings are the parts of the time that a request spent with the application; zero altogether if it never came there.
type Timings struct {
	Queue       time.Duration // until a thread of Python had time for it
	GIL         time.Duration // until that thread had the GIL
	Application time.Duration // in the application, iteration of its result included
}

// AccessLog turns entries into lines and hands them on. A nil *AccessLog is an access log that is off. It may be used from any
// goroutine.
type AccessLog struct {
	format *AccessFormat
	sink   func(line []byte)
	work   sync.Pool // of *accessWork
}

// accessWork is the memory for making one line. The entry is copied into it so that those of callers can be on their stacks.
type accessWork struct {
	entry Entry
	line  []byte
}

// NewAccessLog returns an access log that passes each line, with its '\n', to sink: [Client.Access] or [Writer.Access]. The
// line is lent for the length of the call.
func NewAccessLog(format *AccessFormat, sink func(line []byte)) *AccessLog {
	l := &AccessLog{format: format, sink: sink}
	l.work.New = func() any { return &accessWork{line: make([]byte, 0, 512)} }
	return l
}

// Log writes the line of e. It keeps nothing of e.
func (l *AccessLog) Log(e *Entry) {
	if l == nil {
		return
	}
	w := l.work.Get().(*accessWork)
	w.entry = *e
	w.line = l.format.Append(w.line[:0], &w.entry)
	l.sink(w.line)
	w.entry = Entry{}
	l.work.Put(w)
}
