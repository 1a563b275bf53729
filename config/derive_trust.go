package config

import (
	"net/netip"
	"slices"
)

// trusted finds out what follows from trust in proxies. It comes after secure.
func (r *request) trusted() {
	r.knownHeaders()
	t := &r.Trust
	switch {
	case r.given["--trust-proxy"] && len(t.Headers) == 0 && !t.ProxyProtocol:
		r.warn("--trust-proxy", "without effect, because neither --trust-proxy-header nor --proxy-protocol is given")
	case len(t.Proxies) == 0 && !r.isPrivate() && t.ProxyProtocol:
		r.warn("--proxy-protocol", "everybody who can connect can claim to be any client; --trust-proxy with the address of your proxy ends that")
	case len(t.Proxies) == 0 && !r.isPrivate() && len(t.Headers) > 0:
		r.warn("--trust-proxy-header", "everybody who can connect is believed; --trust-proxy with the address of your proxy ends that")
	}
	if r.HTTPS == nil && r.https.Only && r.tlsInFront() {
		t.HTTPSOnly, t.HSTS = true, r.https.HSTS
	}
	r.overTCP()
}

// knownHeaders warns of names that mean nothing, and forgets them.
func (r *request) knownHeaders() {
	r.Trust.Headers = slices.DeleteFunc(r.Trust.Headers, func(name string) bool {
		_, known := trustedHeaders[name]
		if !known {
			r.warn("--trust-proxy-header", "%s is without effect, because nothing is known about what it means", name)
		}
		return !known
	})
}

// isPrivate says whether only this machine can connect.
func (r *request) isPrivate() bool {
	addr, err := netip.ParseAddr(r.Host)
	return r.Host == "localhost" || err == nil && addr.IsLoopback()
}

// tlsInFront says whether a proxy in front is believed to tell which requests come to it over TLS.
func (r *request) tlsInFront() bool {
	return slices.ContainsFunc(r.Trust.Headers, func(name string) bool { return trustedHeaders[name] })
}

// overTCP leaves HTTP/3 out where clients are told by the PROXY protocol, which has no form for QUIC that proxies speak.
func (r *request) overTCP() {
	if h := r.HTTPS; r.Trust.ProxyProtocol && h != nil && h.HTTP3 {
		r.warn("--proxy-protocol", "there is no HTTP/3, because the PROXY protocol is for connections of TCP")
		h.HTTP3 = false
	}
}
