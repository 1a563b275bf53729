package config

func proxyOptions() []row {
	return []row{
		{name: "--proxy-mount-point", values: "URL-PATH URL", repeat: true, since: "4.4.9",
			set:  addProxyMountPoint,
			help: "Pass what is below a URL path on to another server: http://, https:// or unix:/path|http://host/. The longest path wins. WebSockets go through."},
		{name: "--proxy-url-alias", values: "URL-PATH URL", repeat: true, since: "4.4.7", hidden: true,
			set:  addProxyMountPoint,
			help: "Former name of --proxy-mount-point."},
		{name: "--proxy-virtual-host", values: "HOSTNAME URL", repeat: true, since: "4.4.7",
			set:  addProxyVirtualHost,
			help: "Pass all requests for a host name on to another server, on every port. With automatic certificates there is one for the name."},
	}
}
