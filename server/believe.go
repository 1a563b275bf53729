package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"gild/logs"
	"gild/server/trust"
)

// Trust says what is believed of what proxies in front of the server say.
type Trust struct {
	Policy *trust.Policy // who is believed, and in which header fields; nil: none is believed, and none removed

	// ProxyProtocol has each TCP connection begin with a header of the PROXY protocol, which says who the client is. Who is not believed
	// is refused; without a Policy everybody is.
	ProxyProtocol bool
}

// believe finds out who the client is, and what it has asked for, where a proxy in front that is believed says so. From here on
// Request.RemoteAddr and Request.Host are the client's, and fields of the header that are not believed are gone (section 4.6 of the
// reference). A request whose client cannot be told is refused.
func (s *Server) believe(x *Exchange) int {
	r := x.Request
	x.forwarded = wasForwarded(r.Header)
	if s.trust.Policy == nil {
		if x.forwarded {
			s.adviseTrust(x)
		}
		return 0
	}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	account, remarks, err := s.trust.Policy.Read(peer.Addr(), r.Header)
	if err != nil {
		return x.refuse(http.StatusBadRequest, err.Error())
	}
	for _, remark := range remarks {
		x.log(logs.Info, remark)
	}
	x.hear(account)
	return 0
}

// hear makes what was told part of the request.
func (x *Exchange) hear(a trust.Account) {
	x.told = a
	if a.Host != "" {
		x.Request.Host = a.Host
	}
	if a.Client != "" {
		port := x.ClientPort()
		x.peer, x.Request.RemoteAddr = x.Request.RemoteAddr, net.JoinHostPort(a.Client, port)
	}
}

// adviseTrust says once how to believe the proxy that seems to be in front: without it an application takes the proxy for the client
// and HTTPS for HTTP. Only of a peer in a private network, since everybody else can send such fields to make us say so.
func (s *Server) adviseTrust(x *Exchange) {
	peer, err := netip.ParseAddrPort(x.Request.RemoteAddr)
	addr := peer.Addr().Unmap()
	if err != nil || !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast() || s.advised.Swap(true) {
		return
	}
	var options []string
	for _, name := range trust.Known() {
		if x.Request.Header[name] != nil {
			options = append(options, "--trust-proxy-header "+name)
		}
	}
	if len(options) == 0 {
		s.advised.Store(false) // Via alone says nothing that could be believed
		return
	}
	logs.Printf(s.errorLog, logs.Notice, "core", "%s seems to be a proxy, and what it says about clients is not believed. If it is yours, add: %s --trust-proxy %s",
		addr, strings.Join(options, " "), addr)
}
