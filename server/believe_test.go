package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"gild/server/trust"
)

// TestOrigin asks an Exchange where its request comes from: with all that a proxy can tell, with a client that is nobody, with one
// whose port is known, and without a proxy.
func TestOrigin(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		x := From(w)
		_, port, _ := net.SplitHostPort(x.PeerAddr())
		script, mounted := x.ScriptName()
		fmt.Fprintf(w, "%s %v %s|%s %s %s|%s %t %t|%s %t\n", x.Client(), x.ClientAddr(), x.ClientPort(), x.Origin(), x.ServerName(), x.ServerPort(),
			script, mounted, x.BehindProxy(), r.RemoteAddr, x.ClientPort() == port)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	s := start(t, answer, func(o *Options) { o.Trust.Policy = trust.NewPolicy(trust.Known(), proxies) })
	all := "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example:8443\r\n" +
		"X-Forwarded-Server: front\r\nX-Forwarded-Port: 8443\r\nX-Script-Name: /shop\r\n"
	for _, c := range []struct{ fields, want string }{
		{all, "2001:db8::1 2001:db8::1 *|https://shop.example:8443 front 8443|/shop true true|[2001:db8::1]:* true"},
		{"Forwarded: for=_secret\r\n", "_secret invalid IP *|http://h  *| false true|_secret:* true"},
		{"X-Real-IP: 192.0.2.1:4711\r\n", "192.0.2.1 192.0.2.1 4711|http://h  *| false true|192.0.2.1:4711 false"},
		{"", "127.0.0.1 127.0.0.1 *|http://h  *| false false|127.0.0.1:* true"},
	} {
		got := s.exchangeRaw(t, `GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n`+strings.ReplaceAll(c.fields, "\r\n", `\r\n`)+`\r\n`)
		if !fits(got, c.want) {
			t.Errorf("%q: got\n%s\nwant at its end\n%s", c.fields, got, c.want)
		}
	}
}

// fits reports whether text ends as the pattern does, in which a star stands for a port.
func fits(text, pattern string) bool {
	for _, part := range strings.Split(pattern, "*") {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.TrimSpace(text) == ""
}
