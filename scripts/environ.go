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

// claimsHTTPS says whether --setenv HTTPS makes wsgi.url_scheme https whatever the connection is, as a server variable of
// that name does in Apache (S32): something in front of gild speaks TLS. It cannot make a connection with TLS one without.
func claimsHTTPS(c *config.Config) bool {
	for _, v := range c.SetEnv {
		if v.Key == "HTTPS" {
			return v.Value == "1" || strings.EqualFold(v.Value, "on")
		}
	}
	return false
}

// environ writes the environ of a request into its slot (section 4.1 and 4.3 of the reference, PEP 3333).
func (e *Engine) environ(slot *cpython.Request, x *server.Exchange, bodyLength int64) {
	r := x.Request
	// First, so that a crash can say what was being served without a search.
	slot.Add("REQUEST_METHOD", r.Method)
	slot.Add("REQUEST_URI", r.RequestURI)
	e.path(slot, r)
	slot.Add("SERVER_PROTOCOL", r.Proto)
	slot.SetClient(r.RemoteAddr)
	slot.Add("SERVER_NAME", e.serverName(r.Host, x.Listener()))
	e.connection(slot, x)
	e.ssl.add(slot, x)
	slot.AddPath("SCRIPT_FILENAME", e.target)
	slot.AddPath("DOCUMENT_ROOT", e.config.ServerRoot)
	slot.AddPath("CONTEXT_DOCUMENT_ROOT", e.config.ServerRoot)
	slot.AddBlock(e.fixed)
	e.headers(slot, r, bodyLength)
}

// path adds the decoded path, split at the mount point.
func (e *Engine) path(slot *cpython.Request, r *http.Request) {
	script, info := splitPath(r.URL.Path, e.config.Application.MountPoint)
	slot.Add("SCRIPT_NAME", script)
	slot.Add("PATH_INFO", info)
	slot.Add("QUERY_STRING", r.URL.RawQuery)
	slot.Add("mod_wsgi.script_name", script)
	slot.Add("mod_wsgi.path_info", info)
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
// has only one; and the address of a client of HTTP/3 may change.
func (e *Engine) connection(slot *cpython.Request, x *server.Exchange) {
	if x.Request.ProtoMajor > 1 {
		addresses(slot, x.Request, x.Listener())
		return
	}
	c := connectionOf(x)
	if c.addresses == nil {
		c.addresses = new(cpython.Block)
		addresses(c.addresses, x.Request, x.Listener())
	}
	slot.AddBlock(c.addresses)
}

// An environ is where keys are added: a slot, or a block of keys that several requests share.
type environ interface{ Add(key, value string) }

// addresses are those of the connection. SERVER_PORT is the port that accepted it, whatever the Host header says; so is
// REQUEST_SCHEME that of the socket, as Apache's.
func addresses(to environ, r *http.Request, listener *server.Info) {
	host, port, _ := net.SplitHostPort(r.RemoteAddr)
	to.Add("REMOTE_ADDR", host)
	to.Add("REMOTE_PORT", port)
	to.Add("SERVER_PORT", listener.Port)
	if ip := localIP(r); ip != nil {
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

// serverName is the host that the client asked for, without the port (UseCanonicalName Off), or the configured one;
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

// makeKey applies S3: a name with anything but letters, digits and hyphens is dropped, since an underscore could pass
// for a hyphen; and so is Proxy, which libraries would take for HTTP_PROXY (CVE-2016-5385).
func makeKey(name string) string {
	if name == "Content-Type" {
		return "CONTENT_TYPE"
	}
	if name == "Proxy" {
		return ""
	}
	b := []byte("HTTP_" + name)
	for i := len("HTTP_"); i < len(b); i++ {
		switch c := b[i]; {
		case c >= 'a' && c <= 'z':
			b[i] = c - 'a' + 'A'
		case c == '-':
			b[i] = '_'
		case c < '0' || c > '9' && c < 'A' || c > 'Z':
			return ""
		}
	}
	return string(b)
}
