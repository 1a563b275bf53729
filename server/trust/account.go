package trust

// An Account is what believed proxies say about one request. An empty field is something that none has told.
type Account struct {
	Client     string // address of the client without port and brackets, or whatever stands in its place, such as "unknown"
	ClientPort string // decimal
	Scheme     string // "http" or "https"
	Host       string // the Host field that the client has sent, perhaps with a port, as the proxy has it
	Server     string // name of the server
	Port       string // of the server that the client has reached: decimal, 1 to 65535
	Script     string // URL path under which the site is mounted, without a slash at its end; see Mounted
	Mounted    bool   // Script was told, perhaps to be ""
}
