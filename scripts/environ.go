package scripts

import (
	"cmp"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"gild/config"
	"gild/cpython"
	"gild/server"
	"gild/server/cgi"
)

// fixedEnviron are the keys that do not depend on the request.
func fixedEnviron(c *config.Config) *cpython.Block {
	var b cpython.Block
	b.Add("SERVER_ADMIN", "[no address given]")
	b.Add("CONTEXT_PREFIX", "")
	b.Add("mod_wsgi.request_handler", "wsgi-handler")
	b.Add("mod_wsgi.callable_object", callable(c))
	b.Add("mod_wsgi.server_pid", strconv.Itoa(os.Getpid()))
	for _, v := range c.SetEnv {
		if v.Key != "HTTPS" {
			b.Add(v.Key, v.Value)
		}
	}
	return &b
}

// environ writes the environ of a request into its slot (section 4.1 and 4.3 of the reference, PEP 3333).
func (e *Engine) environ(slot *cpython.Request, x *server.Exchange, bodyLength int64) {
	r := x.Request
	// First, so that a crash can say what was being served without a search.
	slot.Add("REQUEST_METHOD", e.method(r))
	slot.Add("REQUEST_URI", r.RequestURI)
	e.path(slot, x)
	slot.Add("SERVER_PROTOCOL", r.Proto)
	slot.SetClient(r.RemoteAddr)
	slot.Add("SERVER_NAME", e.serverName(cmp.Or(x.ServerName(), r.Host), x.Listener()))
	e.connection(slot, x)
	e.ssl.add(slot, x)
	slot.AddBlock(e.fixed)
	e.file(slot, x)
	e.headers(slot, r, bodyLength)
	identify(slot, x)
	for _, v := range x.Variables() {
		slot.Add(v.Name, v.Value)
	}
}

// method is GET for HEAD if that is asked for (S34): the response is then that of GET, and the server drops its body.
func (e *Engine) method(r *http.Request) string {
	if r.Method == http.MethodHead && e.config.Responses.HEADToGET {
		return http.MethodGet
	}
	return r.Method
}

// identify adds who the client is known to be.
func identify(slot *cpython.Request, x *server.Exchange) {
	if x.User != "" {
		slot.Add("REMOTE_USER", x.User)
		slot.Add("AUTH_TYPE", x.AuthType)
	}
}

// path adds the decoded path, split at the mount point. Where a believed proxy has mounted the site, SCRIPT_NAME is what it
// says, and the rest of the path is what the proxy has left of it, without the mount point here (section 2.4 of the reference).
func (e *Engine) path(slot *cpython.Request, x *server.Exchange) {
	script, info := e.splitPath(x)
	slot.Add("mod_wsgi.script_name", script)
	slot.Add("mod_wsgi.path_info", info)
	if name, ok := x.ScriptName(); ok {
		slot.Add("mod_wsgi.mount_point", name)
		script = mountedAt(name, x.Resource)
	}
	slot.Add("SCRIPT_NAME", script)
	slot.Add("PATH_INFO", info)
	slot.Add("QUERY_STRING", x.Request.URL.RawQuery)
}

// splitPath is SCRIPT_NAME and PATH_INFO.
func (e *Engine) splitPath(x *server.Exchange) (script, info string) {
	if x.Resource != nil {
		return x.Resource.ScriptName, x.Resource.PathInfo
	}
	return splitPath(x.Request.URL.Path, e.config.Application.MountPoint)
}

// splitPath splits a path below the mount point into SCRIPT_NAME and PATH_INFO, with repeated slashes as one.
func splitPath(path, mount string) (script, info string) {
	path = collapse(path)
	if mount == "/" {
		return "", path
	}
	return mount, strings.TrimPrefix(path, mount)
}

// collapse makes repeated slashes one, as Apache's MergeSlashes does.
func collapse(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// connection adds the keys that all requests of a connection share, made by the first of them. A stream of HTTP/2 or HTTP/3
// has only one; the address of a client of HTTP/3 may change; and a proxy brings requests of many clients.
func (e *Engine) connection(slot *cpython.Request, x *server.Exchange) {
	if x.Request.ProtoMajor > 1 || x.BehindProxy() {
		addresses(slot, x)
		return
	}
	c := connectionOf(x)
	if c.addresses == nil {
		c.addresses = new(cpython.Block)
		addresses(c.addresses, x)
	}
	slot.AddBlock(c.addresses)
}

// An environ is where keys are added: a slot, or a block of keys that several requests share.
type environ interface{ Add(key, value string) }

// addresses are those of the connection, unless a believed proxy has told others. SERVER_PORT is the port that accepted it, whatever
// the Host header says; so is REQUEST_SCHEME that of the socket, as Apache's.
func addresses(to environ, x *server.Exchange) {
	listener := x.Listener()
	to.Add("REMOTE_ADDR", x.Client())
	to.Add("REMOTE_PORT", x.ClientPort())
	to.Add("SERVER_PORT", x.ServerPort())
	if ip := localIP(x.Request); ip != nil {
		to.Add("SERVER_ADDR", ip.String())
	}
	to.Add("REQUEST_SCHEME", listener.Scheme)
	to.Add("mod_wsgi.listener_host", listener.Host)
	to.Add("mod_wsgi.listener_port", listener.Port)
}

// localIP is the address that the client has reached; nil if it is not known, as with a UDP socket (HTTP/3) that is open
// for every address.
func localIP(r *http.Request) net.IP {
	switch local := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		return local.IP
	case *net.UDPAddr:
		if !local.IP.IsUnspecified() {
			return local.IP
		}
	}
	return nil
}

// serverName is the host that the client asked for, or what a believed proxy says instead, without the port (UseCanonicalName Off), or the configured one;
// escaped, because applications put it into pages.
func (e *Engine) serverName(host string, listener *server.Info) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = cmp.Or(host, e.config.ServerName, listener.Host, "localhost")
	if strings.ContainsAny(host, `<>&"`) {
		host = escaper.Replace(host)
	}
	return host
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// headers become HTTP_ keys. net/http has taken some out of the map: they are put back.
func (e *Engine) headers(slot *cpython.Request, r *http.Request, bodyLength int64) {
	if r.Host != "" {
		slot.Add("HTTP_HOST", r.Host)
	}
	if len(r.TransferEncoding) > 0 {
		slot.AddJoined("HTTP_TRANSFER_ENCODING", r.TransferEncoding, ", ")
	}
	if bodyLength >= 0 && (bodyLength > 0 || r.Header["Content-Length"] != nil || len(r.TransferEncoding) > 0) {
		slot.Add("CONTENT_LENGTH", strconv.FormatInt(bodyLength, 10))
	}
	for name, values := range r.Header {
		key := environKey(name)
		switch {
		case key == "" || name == "Content-Length":
		case len(values) == 1:
			slot.Add(key, values[0])
		case name == "Cookie":
			slot.AddJoined(key, values, "; ") // RFC 9113 section 8.2.3
		default:
			slot.AddJoined(key, values, ", ")
		}
	}
}

// keys remembers the keys of header names. It is bounded: clients choose the names.
var keys = keyCache{names: make(map[string]string)}

const maxKeys = 1024

type keyCache struct {
	mu    sync.RWMutex
	names map[string]string
}

// environKey returns the key of a header, or "" for one that the application must not see.
func environKey(name string) string {
	keys.mu.RLock()
	key, ok := keys.names[name]
	keys.mu.RUnlock()
	if ok {
		return key
	}
	key = makeKey(name)
	keys.mu.Lock()
	if len(keys.names) < maxKeys {
		keys.names[strings.Clone(name)] = key
	}
	keys.mu.Unlock()
	return key
}

// makeKey applies S3, as for programs, see [cgi.Variable]. An application may see what is meant for a proxy in front, as with mod_wsgi.
func makeKey(name string) string {
	if name == "Proxy-Authorization" {
		return "HTTP_PROXY_AUTHORIZATION"
	}
	return cgi.Variable(name)
}
