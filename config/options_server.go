package config

import "time"

// What is between the network and the application.

// Features of later versions that several options need.
const (
	staticFiles = "static file serving"
	access      = "access control and authentication"
	proxying    = "proxying"
	rotation    = "log rotation"
	debugging   = "debug mode"
	services    = "service scripts"
	telemetry   = "telemetry"
	apache      = "the Apache configuration syntax"
	rates       = "minimum rates and maximum times for slow clients"
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
		{name: "--compress-responses", since: "4.3.0", later: "compression", help: "Compress responses of text types."},
		{name: "--error-document", values: "STATUS URL-PATH", repeat: true, since: "4.1.0", later: "error documents",
			help: "Page to serve for a status."},
		{name: "--error-override", since: "4.1.0", later: "error documents",
			help: "Replace error responses of the application by error documents."},
		{name: "--rewrite-rules", values: "FILE-PATH", since: "4.4.22", later: "rewrite rules", help: "File with rewrite rules."},
		{name: "--include-file", values: "FILE-PATH", repeat: true, since: "4.1.0", later: apache,
			help: "File with further server configuration."},
		{name: "--allow-override", values: "DIRECTIVE-TYPE", repeat: true, since: "4.5.16", later: apache,
			help: "Kinds of directives allowed in .htaccess files."},
		{name: "--mime-types", values: "FILE-PATH", since: "4.1.0", later: staticFiles, help: "File that maps extensions to types."},
	}
}

func accessOptions() []row {
	return []row{
		{name: "--host-access-script", values: "SCRIPT-PATH", since: "4.4.1", later: access, help: "Script that admits clients by host."},
		{name: "--auth-user-script", values: "SCRIPT-PATH", since: "4.3.0", later: access, help: "Script that checks passwords."},
		{name: "--auth-type", values: "TYPE", since: "4.3.0", later: access, help: "Basic or Digest."},
		{name: "--auth-group-script", values: "SCRIPT-PATH", since: "4.3.0", later: access, help: "Script that tells the groups of a user."},
		{name: "--auth-group", values: "NAME", since: "4.3.0", later: access, help: "Group a user must belong to."},
	}
}

func proxyOptions() []row {
	return []row{
		{name: "--proxy-mount-point", values: "URL-PATH URL", repeat: true, since: "4.4.9", later: proxying,
			help: "Pass what is below a URL path on to another server."},
		{name: "--proxy-url-alias", values: "URL-PATH URL", repeat: true, since: "4.4.7", hidden: true, later: proxying,
			help: "Former name of --proxy-mount-point."},
		{name: "--proxy-virtual-host", values: "HOSTNAME URL", repeat: true, since: "4.4.7", later: proxying,
			help: "Pass a whole host on to another server."},
		{name: "--trust-proxy-header", values: "HEADER-NAME", repeat: true, since: "4.4.9", later: "trusted proxies",
			help: "Header field of a proxy in front that is believed."},
		{name: "--trust-proxy", values: "IP-ADDRESS/SUBNET", repeat: true, since: "4.4.10", later: "trusted proxies",
			help: "Address of a proxy in front that is believed."},
	}
}

func staticOptions() []row {
	return []row{
		{name: "--document-root", values: "DIRECTORY-PATH", since: "4.1.0", later: staticFiles,
			help: "Directory of files served before the application is asked."},
		{name: "--url-alias", values: "URL-PATH FILE-PATH/DIRECTORY-PATH", repeat: true, since: "4.1.0", later: staticFiles,
			help: "File or directory served at a URL path."},
		{name: "--directory-index", values: "FILE-NAME", since: "4.3.0", later: staticFiles, help: "File served for a directory."},
		{name: "--directory-listing", since: "4.4.10", later: staticFiles, help: "List directories without an index file."},
		{name: "--add-handler", values: "EXTENSION SCRIPT-PATH", repeat: true, since: "4.3.1", later: "handler scripts",
			help: "Script that serves files with an extension."},
		{name: "--with-cgi", since: "4.4.14", later: "CGI", help: "Run .cgi files below the document root."},
		{name: "--with-php5", since: "4.3.0", hidden: true, later: "PHP", help: "Run .php files below the document root."},
	}
}
