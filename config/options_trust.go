package config

func trustOptions() []row {
	return []row{
		{name: "--trust-proxy-header", values: "HEADER-NAME", repeat: true, since: "4.4.9",
			set: addTrustedHeader,
			help: "Header field of a proxy in front that is believed: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, X-Script-Name and others like them, or Forwarded (RFC 7239). " +
				"Fields of the same kind that are not believed are removed. With a field about the scheme, --https-only needs no certificate."},
		{name: "--trust-proxy", values: "IP-ADDRESS/SUBNET", repeat: true, since: "4.4.10",
			set:  addTrustedProxy,
			help: "Address of a proxy in front that is believed, such as 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32. Without this option everybody is who can connect."},
		{name: "--proxy-protocol",
			set:  on(func(r *request) *bool { return &r.Trust.ProxyProtocol }),
			help: "Connections begin with a header of the PROXY protocol, version 1 or 2, as HAProxy and load balancers of TCP send it. Those that do not, and those of others than --trust-proxy, are refused. There is no HTTP/3 then."},
	}
}
