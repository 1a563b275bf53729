package server

import (
	"slices"
	"time"

	"gild/logs"
)

// traffic is what the access log says of a request on its connection.
type traffic struct {
	in, out int64 // bytes
	before  int   // requests served before it
	kept    bool  // the connection may serve more
}

// logAccess writes the line. The request lasted until x.ended: a connection that closes may have lingered after it.
func (x *Exchange) logAccess(t traffic) {
	e := logs.Entry{
		Request: x.Request, Header: x.header, Status: x.status, Body: x.written, Received: t.in, Sent: t.out,
		Start: x.Start, Duration: x.ended.Sub(x.Start), FirstByte: x.firstByte(), Timings: logs.Timings(x.Times),
		ClientAddr: x.Request.RemoteAddr, PeerAddr: x.PeerAddr(), LocalAddr: x.link.local, ServerName: x.canonicalName(),
		User: x.User, ID: x.id, Handler: x.Handler, Filename: x.filename(), TID: x.TID,
		Environ: x.environ(), TLS: x.tlsVariables(),
		Aborted: x.fault != nil || x.carrier.gone(), KeepAlive: t.kept, Reused: t.before,
	}
	if x.detour != nil {
		e.Original = x.beforeDetour(e)
	}
	x.server.accessLog.Log(&e)
}

// beforeDetour is the entry of the request as the client has made it, and of what it would have got without an error document.
func (x *Exchange) beforeDetour(e logs.Entry) *logs.Entry {
	e.Request = x.asked()
	if x.inDocument() {
		e.Status = x.detour.document
	}
	return &e
}

// filename is the file that has answered: what the handler says, or what it was called for.
func (x *Exchange) filename() string {
	if x.Filename == "" && x.Resource != nil {
		return x.Resource.File
	}
	return x.Filename
}

// firstByte is the time until the head of the response was ready; 0: there was none.
func (x *Exchange) firstByte() time.Duration {
	if x.headed.IsZero() {
		return 0
	}
	return x.headed.Sub(x.Start)
}

// environ looks up the variables of the request, for the log. It is nil where there are none, which costs nothing.
func (x *Exchange) environ() func(name string) string {
	if len(x.variables) == 0 && len(x.server.environ) == 0 {
		return nil
	}
	return x.variable
}

// variable is the value of a variable of the request: what phases have set, or else what every request has. Of the latter the
// last of a name counts, as it does in the environ of the application.
func (x *Exchange) variable(name string) string {
	for _, list := range [][]Variable{x.variables, x.server.environ} {
		for _, v := range slices.Backward(list) {
			if v.Name == name {
				return v.Value
			}
		}
	}
	return ""
}
