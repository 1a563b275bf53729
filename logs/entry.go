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
	FirstByte time.Duration // from Start to the first byte of the response

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

	Environ func(name string) string // %{name}e; nil = no variables
	Note    func(name string) string // %{name}n; nil = no notes
	TLS     func(name string) string // %{name}x: a variable of mod_ssl, such as SSL_PROTOCOL; nil = there are none
}

// AccessLog turns entries into lines and hands them on. A nil *AccessLog is an access log that is off. It may be used from any
// goroutine.
type AccessLog struct {
	format *AccessFormat
	sink   func(line []byte)
	lines  sync.Pool // of *[]byte
}

// NewAccessLog returns an access log that passes each line, with its '\n', to sink: [Client.Access] or [Writer.Access]. The
// line is lent for the length of the call.
func NewAccessLog(format *AccessFormat, sink func(line []byte)) *AccessLog {
	l := &AccessLog{format: format, sink: sink}
	l.lines.New = func() any { b := make([]byte, 0, 512); return &b }
	return l
}

// Log writes the line of e. It keeps nothing of e.
func (l *AccessLog) Log(e *Entry) {
	if l == nil {
		return
	}
	line := l.lines.Get().(*[]byte)
	*line = l.format.Append((*line)[:0], e)
	l.sink(*line)
	l.lines.Put(line)
}
