package config

import "strings"

// Trust says which proxies in front of gild are believed, and what.
type Trust struct {
	Headers       []string // header fields that are believed (S63), in canonical form and in the order given
	Proxies       []string // networks in CIDR notation from which they are believed, without bits for hosts; none: from everywhere
	ProxyProtocol bool     // connections begin with a header of the PROXY protocol, version 1 or 2
	HTTPSOnly     bool     // --https-only where a proxy in front speaks TLS and says so, and not gild; Config.HTTPS is nil then
	HSTS          string   // value of Strict-Transport-Security with HTTPSOnly; "": none
}

// ClaimsHTTPS says whether --setenv HTTPS makes requests without TLS requests of HTTPS, as a server variable of that name does in
// Apache (S32): something in front of gild speaks TLS. It cannot make a connection with TLS one without.
func (c *Config) ClaimsHTTPS() bool {
	for _, v := range c.SetEnv {
		if v.Key == "HTTPS" {
			return v.Value == "1" || strings.EqualFold(v.Value, "on")
		}
	}
	return false
}
