package server

import (
	"cmp"
	"net"
	"net/netip"

	"gild/server/trust"
)

// Where a request comes from and what it was meant for: as the connection has it, unless a proxy in front is believed to know better.
// The phase believe, see believe.go, puts what proxies say about the client and the host into the Request as well: RemoteAddr and
// Host are the client's own from then on. Methods of this file may be called from the phases after it, by the goroutine of the
// request.

// Client is the address of the client without a port, REMOTE_ADDR. What a believed proxy says may be no address but a name such as
// "unknown": then it is not the one of anybody.
func (x *Exchange) Client() string {
	if x.told.Client != "" {
		return x.told.Client
	}
	host, _, _ := net.SplitHostPort(x.Request.RemoteAddr) // made by package net
	return host
}

// ClientPort is the port of the client, decimal, REMOTE_PORT; that of the proxy's connection if a believed proxy has not told one.
func (x *Exchange) ClientPort() string {
	if x.told.ClientPort != "" {
		return x.told.ClientPort
	}
	_, port, _ := net.SplitHostPort(x.PeerAddr())
	return port
}

// ClientAddr is Client as an address, for rules about addresses; one of IPv4 is never in the form of IPv6. It is the zero Addr, to
// which no rule may apply, if a believed proxy has told something else, such as "unknown".
func (x *Exchange) ClientAddr() netip.Addr {
	addr, err := netip.ParseAddr(x.Client())
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// PeerAddr is the other end of the connection, "address:port", which is the proxy's if there is one. With the PROXY protocol it
// is what the header of the connection says.
func (x *Exchange) PeerAddr() string { return cmp.Or(x.peer, x.Request.RemoteAddr) }

// Scheme is "https" or "http": what the client has used.
func (x *Exchange) Scheme() string {
	switch {
	case x.told.Scheme != "":
		return x.told.Scheme
	case x.TLS() != nil || x.server.site.Encrypted:
		return "https"
	}
	return "http"
}

// ServerPort is the port that the client has reached, decimal: that of the listener, or what a believed proxy says.
// Neither the scheme nor the host of a proxy changes it.
func (x *Exchange) ServerPort() string { return cmp.Or(x.told.Port, x.link.info.Port) }

// ServerName is the name of the server that a believed proxy says; "" is none.
func (x *Exchange) ServerName() string { return x.told.Server }

// ScriptName is where a believed proxy has mounted the site, SCRIPT_NAME: "" or a path without a slash at its end. ok says whether
// one has told it.
func (x *Exchange) ScriptName() (name string, ok bool) { return x.told.Script, x.told.Mounted }

// Origin is scheme and authority under which the client has asked for the site, "https://shop.example:8443", for URIs of
// its other resources. The request has a host if the site has a name; otherwise it may be "", and a URI without origin has to do.
func (x *Exchange) Origin() string {
	if x.Request.Host == "" {
		return ""
	}
	return x.Scheme() + "://" + x.Request.Host
}

// near reports whether the client is on this machine, and no proxy for one that is not.
func (x *Exchange) near() bool { return !x.forwarded && isNear(x.Request) }

// secure reports whether the client has used TLS, whoever decrypts it.
func (x *Exchange) secure() bool { return x.Scheme() == "https" }

// BehindProxy reports whether a proxy in front was believed in anything about this request.
func (x *Exchange) BehindProxy() bool { return x.told != (trust.Account{}) }
