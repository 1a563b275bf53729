package config

import "time"

// What is between the network and the application.

// Features of later versions that several options need.
const (
	staticFiles = "static file serving"
	access      = "access control and authentication"
	debugging   = "debug mode"
	services    = "service scripts"
	telemetry   = "telemetry"
	apache      = "the Apache configuration syntax"
)

func listenerOptions() []row {
	return []row{
		{name: "--host", values: "IP-ADDRESS", since: "4.1.0",
			set:  setHost,
			help: "Address to listen on. Default: every interface."},
		{name: "--port", values: "NUMBER", preset: "8000", since: "4.1.0",
			set:  number(1, 65535, func(r *request) *int { return &r.Port }),
			help: "Port to listen on for HTTP. With HTTPS on its default port it is 80 by default."},
		{name: "--server-backlog", values: "NUMBER", preset: "500", since: "4.1.0",
			set:  number(1, 65535, func(r *request) *int { return &r.ServerBacklog }),
			help: "How many connections the kernel keeps while none is accepted (listen(2))."},
		{name: "--max-clients", values: "NUMBER", preset: "16384", since: "4.1.0",
			set:  number(1, 1<<24, func(r *request) *int { return &r.MaxClients }),
			help: "Connections open at once in all processes; others wait in the backlog. Also requests at once on HTTP/2 and HTTP/3; others are answered 503. At least processes times threads. An idle connection costs a few kilobytes and no thread, so the default is far above that of mod_wsgi-express."},
		{name: "--keep-alive-timeout", values: "SECONDS", preset: "5", since: "4.1.0",
			set:  seconds(0, func(r *request) *time.Duration { return &r.Timeouts.KeepAlive }),
			help: "How long a connection may wait for its next request; 0 closes it after one. One of HTTP/3 may wait for 30 seconds at least."},
		{name: "--limit-request-body", values: "NUMBER", preset: "10485760", since: "4.1.0",
			set:  number(0, 1<<62, func(r *request) *int64 { return &r.LimitRequestBody }),
			help: "Bytes a request body may have; a larger one is answered 413. 0: no limit."},
		{name: "--limit-request-fields", values: "NUMBER", preset: "200",
			set:  number(0, 1<<16, func(r *request) *int { return &r.LimitRequestFields }),
			help: "Header fields a request may have; more are answered 431. 0: only their size counts."},
		{name: "--limit-request-field-size", values: "BYTES", preset: "65536",
			set:  number(1024, 1<<24, func(r *request) *int { return &r.LimitRequestFieldSize }),
			help: "Bytes the request line and header fields may have together; more are answered 431."},
		{name: "--http2", since: "4.5.7",
			set:  on(func(r *request) *bool { return &r.HTTP2 }),
			help: "Speak HTTP/2 on the HTTP port, too, with clients that know it beforehand (h2c with prior knowledge). Over HTTPS it is spoken with every client that can, without this option."},
		{name: "--server-name", values: "HOSTNAME", since: "4.3.0",
			set:  setServerName,
			help: "Host name of the site. Requests for others are refused, and if it begins with www. those for the name without that are redirected. With HTTPS and no certificate given, gild obtains one for it."},
		{name: "--server-alias", values: "HOSTNAME", repeat: true, since: "4.3.0",
			set:  addServerAlias,
			help: "Another host name of the site; * and ? stand for any letters. Names without these are in the certificate."},
		{name: "--allow-localhost", since: "4.3.0",
			set:  on(func(r *request) *bool { return &r.AllowLocalhost }),
			help: "Serve requests for localhost from this machine although there is a server name; with --https-only over HTTP as well."},
		{name: "--rewrite-rules", values: "FILE-PATH", since: "4.4.22",
			set:  pathname(func(r *request) *string { return &r.Rewrite.File }),
			help: "File with rules of mod_rewrite (RewriteEngine, RewriteBase, RewriteCond, RewriteRule) for the directory of the document root. Default: rewrite.conf in the server root, if it is there."},
		{name: "--include-file", values: "FILE-PATH", repeat: true, since: "4.1.0", later: apache,
			help: "File with further server configuration."},
		{name: "--allow-override", values: "DIRECTIVE-TYPE", repeat: true, since: "4.5.16", later: apache,
			help: "Kinds of directives allowed in .htaccess files."},
	}
}
