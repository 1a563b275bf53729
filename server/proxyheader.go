package server

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"gild/logs"
	"gild/server/trust"
)

// meetProxy takes the header of the PROXY protocol off a connection, before TLS and within the time for it. It reports false for a
// connection that is none of a proxy of ours: no answer is sent, since nobody knows what is spoken there.
func (s *Server) meetProxy(k *socket) bool {
	if !s.mayForward(k.Conn.RemoteAddr()) {
		s.refuseProxy(k, "the PROXY protocol is for the addresses of --trust-proxy only")
		return false
	}
	for n := 1; ; n++ {
		data, err := k.peek(n)
		source, size, wrong := trust.ParseProxyHeader(data)
		switch n = len(data); {
		case wrong != nil:
			s.refuseProxy(k, wrong.Error())
			return false
		case size > 0:
			k.skip(size)
			if source.IsValid() {
				k.client = net.TCPAddrFromAddrPort(source)
			}
			return true
		case err == io.EOF && n == 0: // whoever looks whether the port is open does this
			return false
		case err != nil:
			s.refuseProxy(k, fmt.Sprintf("the header of the PROXY protocol is not complete: %v", err))
			return false
		}
	}
}

// mayForward reports whether the proxy at that address may tell who its clients are.
func (s *Server) mayForward(addr net.Addr) bool {
	peer, _ := netip.ParseAddrPort(addr.String()) // without an address it is nobody's
	return s.trust.Policy == nil || s.trust.Policy.Trusts(peer.Addr())
}

// refuseProxy logs why there is no connection, the first time as a warning: if it is the proxy that is not set up for the PROXY
// protocol, the site cannot be reached at all.
func (s *Server) refuseProxy(k *socket, why string) {
	level := logs.Info
	if !s.unheaded.Swap(true) {
		level = logs.Warn
	}
	k.log(level, "Connection refused: "+why)
}
