package server

import (
	"crypto/tls"
	"net/http"
	"slices"
	"time"

	"gild/server/trust"
)

// An Exchange is one request from its first byte to its line in the log, and the http.ResponseWriter of the handler.
// It belongs to the goroutine that runs the handler, and is used again for another request when the handler has
// returned: nothing of it, nor its Request, may be kept.
//
// Like any http.ResponseWriter it must not be used by two goroutines at once.
type Exchange struct {
	Request  *http.Request // what the handler gets as well; its Host and RemoteAddr are the client's as believed proxies tell them. With HTTP/1 its context does not end when the client leaves: see Gone
	Start    time.Time     // when the first byte of the request was there, or its head was read, if that came at once
	Reason   string        // reason phrase for the status line of HTTP/1; set it before WriteHeader. "" is the usual one
	User     string        // who the client is known to be, REMOTE_USER; "" is nobody
	AuthType string        // how that is known, AUTH_TYPE: Basic or Digest; "" together with User
	Handler  string        // what answers, for the log's %R; "" is the server itself
	Resource *Resource     // the file that a handler of Options.Handlers answers for; nil: the request is for the application
	Filename string        // file or script that answers, for the log's %f; "" is none
	TID      uint32        // thread that ran the application, for the log's %{tid}P; 0 is unknown
	Times    Times

	variables []Variable // see SetVariable

	w       http.ResponseWriter // the engine's
	server  *Server
	carrier carrier
	link    *link // the carrier's
	id      string

	told      trust.Account // what believed proxies say
	peer      string        // Request.RemoteAddr as the connection has it, if a proxy has told another; else ""
	forwarded bool          // the header had fields of a proxy, believed or not

	host     string   // of the request, as parseHost has it; "": it has none, or the phases have not come to it
	standing standing // of host

	protocol  string // :protocol of an extended CONNECT, RFC 8441; "": it is none
	tunnelled bool   // what follows the head is no HTTP, and the connection ends with it

	ruled ruled // what rewrite rules have said

	header   http.Header // w's
	status   int         // of the final response, 0 before it
	written  int64       // bytes of the body given to w
	declared int64       // the response's Content-Length; -1 is none
	bodyless bool        // HEAD, 204, 304: what is written is dropped
	closing  bool        // a connection of HTTP/1 is to be closed after the response
	fault    error       // why the response is torn; nil: it is not
	headed   time.Time   // when the head of the response was ready; zero without an access log
	ended    time.Time   // when the handler returned

	compression compression
	detour      *detour // nil: what answers is what was asked for
	postponed   bool    // something else answers than what the handler writes, see postpone
	target      string  // of the internal redirect that was postponed; "": it is a page
	withoutBody bool    // that redirect is a GET
	dropped     int     // bytes that the handler has written since

	request http.Request // the Request when it has a body: net/http must find its own Body in its own request
	body    body
}

// Times are the parts of the time a request took that only the handler knows. They are for the log; zero is unknown.
type Times struct {
	Queue       time.Duration // until a thread of Python picked the request up
	GIL         time.Duration // until that thread had the GIL
	Application time.Duration // in the application, iteration of its result included
}

// From returns the Exchange behind w, looking through everything that has an Unwrap method as http.ResponseController
// does; nil when there is none.
func From(w http.ResponseWriter) *Exchange {
	for {
		switch t := w.(type) {
		case *Exchange:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil
		}
	}
}

// Unwrap lets http.ResponseController reach net/http's own ResponseWriter.
func (x *Exchange) Unwrap() http.ResponseWriter { return x.w }

// Note is a place where the handler keeps something for the life of the connection; nil at first. Only one request of a
// connection is served at a time: each stream of HTTP/2 or HTTP/3 is one of its own. A [ConnectionEnd] in it is told when
// the connection ends.
func (x *Exchange) Note() *any { return &x.link.note }

// Listener describes the socket the connection came in on.
func (x *Exchange) Listener() *Info { return x.link.info }

// TLS is what was agreed on with the client, nil on a plain connection. It is shared by all requests of the connection:
// do not change it.
func (x *Exchange) TLS() *tls.ConnectionState { return x.link.tls }

// ID is an identifier of the request, unique among all requests of all processes for practical purposes: 16 characters
// safe in a URL. It is made by the first call.
func (x *Exchange) ID() string {
	if x.id == "" {
		x.id = x.server.ids.next()
	}
	return x.id
}

// FullDuplex allows to read the body after the response was begun. Without it net/http reads what is left of a small
// body before it sends the head, which deadlocks with a client that waits for the response.
func (x *Exchange) FullDuplex() error {
	if x.Request.ProtoMajor > 1 {
		return nil // the two directions of a stream are independent
	}
	return http.NewResponseController(x.w).EnableFullDuplex()
}

// Gone reports that the client is known to have left: a write to it has failed. A handler need not ask; writes then
// return the error.
func (x *Exchange) Gone() bool { return x.carrier.gone() }

// Sent reports whether the head of the response was given away: status and header can no longer be changed.
func (x *Exchange) Sent() bool { return x.status != 0 }

// A Variable is a name and a value that phases give a request: the environ of the application has it, and the log's %{NAME}e.
type Variable struct{ Name, Value string }

// SetVariable adds a variable, or changes the one of that name.
func (x *Exchange) SetVariable(name, value string) {
	for i := range x.variables {
		if x.variables[i].Name == name {
			x.variables[i].Value = value
			return
		}
	}
	x.variables = append(x.variables, Variable{name, value})
}

// UnsetVariable removes the variable of that name, if there is one.
func (x *Exchange) UnsetVariable(name string) {
	x.variables = slices.DeleteFunc(x.variables, func(v Variable) bool { return v.Name == name })
}

// Variables are those of the request in the order in which they came. The slice belongs to x.
func (x *Exchange) Variables() []Variable { return x.variables }
