package server

import (
	"cmp"
	"net"
	"net/http"
	"strings"
)

// lookup is the value of a server variable as mod_rewrite names them, "" for what is not there or not known: HTTP:Name is a header
// field, ENV:NAME one of the environment, SSL:NAME one of mod_ssl's.
func (x *Exchange) lookup(name string) string {
	prefix, rest, found := strings.Cut(name, ":")
	switch {
	case !found:
		return x.serverVariable(name)
	case prefix == "HTTP":
		return x.field(rest)
	case prefix == "ENV":
		return x.variable(rest)
	case prefix == "SSL" && x.tlsVariables() != nil:
		return x.tlsVariables()(rest)
	}
	return ""
}

// serverVariable is one without a prefix.
func (x *Exchange) serverVariable(name string) string {
	if value := serverVariables[name]; value != nil {
		return value(x)
	}
	if field, ok := strings.CutPrefix(name, "HTTP_"); ok {
		return x.field(strings.ReplaceAll(field, "_", "-"))
	}
	return ""
}

// serverVariables are those about the request and its connection.
var serverVariables = map[string]func(*Exchange) string{
	"REMOTE_ADDR":      (*Exchange).Client,
	"REMOTE_HOST":      (*Exchange).Client, // names are not looked up
	"REMOTE_PORT":      (*Exchange).ClientPort,
	"REMOTE_USER":      func(x *Exchange) string { return x.User },
	"AUTH_TYPE":        func(x *Exchange) string { return x.AuthType },
	"CONN_REMOTE_ADDR": func(x *Exchange) string { return hostOf(x.PeerAddr()) },
	"IPV6":             func(x *Exchange) string { return onOff(x.ClientAddr().Is6()) },
	"REQUEST_METHOD":   func(x *Exchange) string { return x.Request.Method },
	"REQUEST_SCHEME":   (*Exchange).Scheme,
	"THE_REQUEST":      (*Exchange).requestLine,
	"HTTPS":            func(x *Exchange) string { return onOff(x.secure()) },
	"SERVER_NAME":      func(x *Exchange) string { return cmp.Or(x.ServerName(), x.host, x.server.site.Name) },
	"SERVER_PORT":      (*Exchange).ServerPort,
	"SERVER_ADDR":      (*Exchange).localHost,
	"SERVER_PROTOCOL":  func(x *Exchange) string { return x.Request.Proto },
	"SERVER_SOFTWARE":  func(*Exchange) string { return serverName },
}

// requestLine is the first line of the request, as the client has sent it with HTTP/1.
func (x *Exchange) requestLine() string {
	r := x.Request
	return r.Method + " " + r.RequestURI + " " + r.Proto
}

// onOff is a truth in mod_rewrite's words.
func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// field is a header field of the request, of which repeated lines are one.
func (x *Exchange) field(name string) string {
	if strings.EqualFold(name, "Host") {
		return x.Request.Host
	}
	return strings.Join(x.Request.Header[http.CanonicalHeaderKey(name)], ", ")
}

// localHost is the address that the client has reached, without the port.
func (x *Exchange) localHost() string {
	if x.link.local == nil {
		return ""
	}
	return hostOf(x.link.local.String())
}

// hostOf is an address without its port.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}
