package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"gild/server/proxy"
)

// A carrier is what a request came on and its response goes out on: a connection of HTTP/1, one request after the other,
// or a stream of HTTP/2 or HTTP/3, which is a connection of one request. Its methods are called by the goroutine that runs
// the handler if nothing else is said.
type carrier interface {
	about() *link
	gone() bool                                   // the other side takes nothing any more; any goroutine may ask
	watched() *head                               // what was seen of the request's head; nil: the protocol leaves nothing to see
	phrase(reason string)                         // puts a reason phrase into the coming status line, if the protocol has one
	finishHead(http.Header, bool)                 // adds or removes what the protocol says about connections; true: it is the last response
	lastUntil(time.Time)                          // the connection ends with this response, unread body is waited for until then
	stopBody()                                    // makes reads of the body fail, also one that waits in another goroutine
	tunnel(*Exchange) (proxy.ClientTunnel, error) // agrees to switch protocols
	reset()                                       // makes the coming end of the connection look like no end of a response
}

// A link is what every carrier knows of where it comes from. The handler of the current request may read it.
type link struct {
	info  *Info
	local net.Addr             // this side's address
	tls   *tls.ConnectionState // nil on a plain connection
	note  any                  // what the handler keeps, see Exchange.Note
}

func (l *link) about() *link { return l }

// tell tells the note that the connection has ended, once.
func (l *link) tell() {
	if end, ok := l.note.(ConnectionEnd); ok {
		l.note = nil
		end.ConnectionEnd()
	}
}
