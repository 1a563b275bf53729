package server

import (
	"cmp"
	"html"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"gild/server/cgi"
)

// variables collects NAME=value.
type variables []string

func (v *variables) add(name, value string) { *v = append(*v, name+"="+value) }

// environ are the variables of a request (RFC 3875 section 4.1), with those that Apache adds. The length of the body is -1 if there
// is none.
func (p *Programs) environ(x *Exchange, length int64) []string {
	v := make(variables, 0, 40+len(x.Request.Header)+len(p.Environ))
	v = append(v, p.Environ...)
	v.addServer(x)
	v.addConnection(x)
	v.addResource(x)
	v.addBody(x.Request, length)
	v.addFields(x)
	if state := x.TLS(); p.Certificate && state != nil && x.server.variables != nil {
		x.server.variables(state, v.add)
	}
	for _, variable := range x.Variables() {
		v.add(variable.Name, variable.Value)
	}
	return v
}

// addServer says what the server is, and what it was asked.
func (v *variables) addServer(x *Exchange) {
	r := x.Request
	v.add("GATEWAY_INTERFACE", "CGI/1.1")
	v.add("SERVER_SOFTWARE", serverName)
	v.add("SERVER_SIGNATURE", "")
	v.add("SERVER_ADMIN", "[no address given]")
	v.add("SERVER_NAME", html.EscapeString(x.nameForScripts()))
	v.add("SERVER_PORT", x.ServerPort())
	v.add("SERVER_PROTOCOL", r.Proto)
	v.add("REQUEST_METHOD", r.Method)
	v.add("REQUEST_URI", r.RequestURI)
	v.add("QUERY_STRING", r.URL.RawQuery)
}

// nameForScripts is the host that the client asked for, without its port, or the name of the site (UseCanonicalName Off).
func (x *Exchange) nameForScripts() string {
	host := cmp.Or(x.ServerName(), x.Request.Host)
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return cmp.Or(host, x.server.site.Name, x.Listener().Host, "localhost")
}

// addConnection says who asks, and how.
func (v *variables) addConnection(x *Exchange) {
	v.add("REMOTE_ADDR", x.Client())
	v.add("REMOTE_PORT", x.ClientPort())
	if local, ok := x.Request.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if host, _, err := net.SplitHostPort(local.String()); err == nil {
			v.add("SERVER_ADDR", host)
		}
	}
	v.add("REQUEST_SCHEME", x.Scheme())
	if x.secure() {
		v.add("HTTPS", "on")
	}
	if x.User != "" {
		v.add("REMOTE_USER", x.User)
		v.add("AUTH_TYPE", x.AuthType)
	}
}

// addResource says which file is meant. A believed proxy knows where the site is mounted.
func (v *variables) addResource(x *Exchange) {
	file := x.Resource
	mount, _ := x.ScriptName()
	v.add("DOCUMENT_ROOT", file.Root)
	v.add("CONTEXT_PREFIX", "")
	v.add("CONTEXT_DOCUMENT_ROOT", file.Root)
	v.add("SCRIPT_FILENAME", file.File)
	v.add("SCRIPT_NAME", mount+file.ScriptName)
	if file.PathInfo != "" {
		v.add("PATH_INFO", file.PathInfo)
		v.add("PATH_TRANSLATED", filepath.Join(file.Root, file.PathInfo))
	}
}

// addBody describes the body.
func (v *variables) addBody(r *http.Request, length int64) {
	if length >= 0 {
		v.add("CONTENT_LENGTH", strconv.FormatInt(length, 10))
	} else if r.Header["Content-Length"] != nil {
		v.add("CONTENT_LENGTH", "0")
	}
}

// addFields adds the header fields. A password that gild has checked itself is nothing for scripts (RFC 3875 section 4.1.18).
func (v *variables) addFields(x *Exchange) {
	r := x.Request
	if r.Host != "" {
		v.add("HTTP_HOST", r.Host)
	}
	for field, values := range r.Header {
		name, separator := cgi.Variable(field), ", "
		if name == "" || name == "HTTP_AUTHORIZATION" && x.User != "" {
			continue
		}
		if field == "Cookie" {
			separator = "; " // RFC 9113 section 8.2.3
		}
		v.add(name, strings.Join(values, separator))
	}
}
