package scripts

import (
	"cmp"
	"crypto/tls"
	"strings"

	"gild/cpython"
	"gild/server"
)

// questionEnviron writes the environ that a script of access or authentication gets, and the arguments of its function: what the
// application's has (S4), without the variables of --setenv and of other phases, and with Authorization.
func (e *Engine) questionEnviron(slot *cpython.Request, x *server.Exchange, arguments []argument) {
	r := x.Request
	slot.Add("REQUEST_METHOD", r.Method)
	slot.Add("REQUEST_URI", r.RequestURI)
	e.path(slot, x)
	slot.Add("SERVER_PROTOCOL", r.Proto)
	slot.SetClient(r.RemoteAddr)
	slot.Add("SERVER_NAME", e.serverName(cmp.Or(x.ServerName(), r.Host), x.Listener()))
	e.connection(slot, x)
	slot.AddPath("SCRIPT_FILENAME", e.target)
	slot.AddPath("DOCUMENT_ROOT", e.config.Files.DocumentRoot)
	slot.AddBlock(e.asked)
	e.headers(slot, r, max(-1, r.ContentLength))
	identify(slot, x)
	e.lookup.addState(slot, x)
	for _, a := range arguments {
		slot.Add(a.key, a.value)
	}
}

// questionBlock are the keys of those environs that do not depend on the request.
func questionBlock() *cpython.Block {
	var b cpython.Block
	b.Add("SERVER_ADMIN", "[no address given]")
	b.Add("SERVER_SIGNATURE", "")
	b.Add("GATEWAY_INTERFACE", "CGI/1.1")
	return &b
}

// packed returns the variables of a connection as one: a script asks for one of them, mostly for none.
func packed(v Variables) Variables {
	return func(state *tls.ConnectionState, add func(key, value string)) {
		var b strings.Builder
		b.WriteString("HTTPS=on" + unit)
		v(state, func(key, value string) { b.WriteString(key + "=" + strings.ReplaceAll(value, unit, "") + unit) })
		add("gild.ssl", b.String())
	}
}

// addState is add, and an empty text for a connection without TLS on a server that has it: scripts can ask there, too.
func (s *sslEnviron) addState(slot *cpython.Request, x *server.Exchange) {
	if s != nil && x.TLS() == nil {
		slot.Add("gild.ssl", "")
	}
	s.add(slot, x)
}
