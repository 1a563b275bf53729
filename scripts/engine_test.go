package scripts

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/server"
)

// testApplication answers with the keys of environ that KEYS names, or reads the body; or it does not end well, or not at all.
const testApplication = `
def pieces(environ):
    yield b'begun'
    while 'HTTP_ENDLESS' in environ:
        yield b'x' * 10000
    raise RuntimeError('torn')

def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Connection', 'close')])
    if 'HTTP_TORN' in environ or 'HTTP_ENDLESS' in environ:
        return pieces(environ)
    if 'HTTP_KEYS' not in environ:
        return [environ['wsgi.input'].read()]
    return ['\n'.join(f'{key}={environ.get(key)!r}' for key in environ['HTTP_KEYS'].split()).encode()]
`

// large is an addition to every environ with which the block is nearly full.
var large = strings.Repeat("x", 100_000)

var testLog = new(listLogger)

// testEngine is the engine of this process, which there can be only one of: embedded, with a permission script.
var testEngine = sync.OnceValue(func() *Engine {
	dir, err := os.MkdirTemp("", "scripts")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "app.wsgi")
	permission := filepath.Join(dir, "allow.py")
	for path, source := range map[string]string{script: testApplication, permission: testPermission} {
		if err := os.WriteFile(path, []byte(source), 0o666); err != nil {
			panic(err)
		}
	}
	c := &config.Config{
		Application: config.Application{Type: config.Script, Target: script, Callable: "application", MountPoint: "/mount"},
		Python:      config.Python{Executable: os.Getenv("GILD_PYTHON")},
		MPM:         config.Event,
		Embedded:    true,
		Groups:      []config.ProcessGroup{{Processes: 1, MaximumProcesses: 1, Threads: 2}},
		HTTPS:       &config.HTTPS{Automatic: &config.Automatic{PermissionScript: permission}},
		SetEnv:      []config.Pair{{Key: "LARGE", Value: large}, {Key: "HTTPS", Value: "on"}, {Key: "MINE", Value: "1"}},
	}
	return startEngine(c)
})

// served is the address of a server with that engine.
var served = sync.OnceValue(func() string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := server.New(server.Options{
		Listeners: []server.Listener{{Socket: socket, Info: server.Info{Host: "configured", Port: "8000", Scheme: "http", Addr: socket.Addr()}}},
		Handler:   testEngine(),
		Mount:     "/mount",
		Site:      server.Site{Encrypted: testEngine().config.ClaimsHTTPS()},
		Timeouts:  server.Timeouts{KeepAlive: time.Minute},
		ErrorLog:  testLog,
	})
	go s.Serve()
	return socket.Addr().String()
})

// startEngine starts a Python with the application of c and returns the front before it.
func startEngine(c *config.Config) *Engine {
	arena, err := cpython.NewArena(Geometry(c, &c.Groups[0]))
	if err != nil {
		panic(err)
	}
	python, err := StartPython(c, Place{Arena: arena, LogFD: -1, Level: logs.Debug})
	if err != nil || python.LoadError() != "" || python.SideError() != "" {
		panic(fmt.Sprint(err, python.LoadError(), python.SideError()))
	}
	pool := cpython.NewPool(arena, PoolConfig(c, &c.Groups[0], nil))
	pool.Process(0, os.Getpid(), cpython.Ready)
	return NewEngine(c, []*cpython.Pool{pool}, testLog)
}

// exchange sends the bytes of requests over one connection and returns the responses, bodies read.
func exchange(t *testing.T, requests ...string) []string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", served())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var answers []string
	for _, request := range requests {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, fmt.Sprint(response.StatusCode, " ", string(body)))
	}
	return answers
}

// TestEnviron asks for keys of environ, as the application sees them.
func TestEnviron(t *testing.T) {
	for _, c := range []struct{ request, want string }{
		{"GET /mount//a%20b/%e9?q=%20 HTTP/1.1\r\nHost: example.com:99\r\nKeys: SCRIPT_NAME PATH_INFO QUERY_STRING REQUEST_URI REQUEST_METHOD\r\n\r\n",
			`SCRIPT_NAME='/mount' PATH_INFO='/a b/é' QUERY_STRING='q=%20' REQUEST_URI='/mount//a%20b/%e9?q=%20' REQUEST_METHOD='GET'`},
		{"GET /mount HTTP/1.1\r\nHost: example.com:99\r\nKeys: SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_NAME SERVER_PORT HTTP_HOST REMOTE_ADDR\r\n\r\n",
			`SCRIPT_NAME='/mount' PATH_INFO='' QUERY_STRING='' SERVER_NAME='example.com' SERVER_PORT='8000' HTTP_HOST='example.com:99' REMOTE_ADDR='127.0.0.1'`},
		{"GET /mount/ HTTP/1.0\r\nKeys: SERVER_NAME HTTP_HOST SERVER_PROTOCOL CONTENT_LENGTH CONTENT_TYPE\r\n\r\n",
			`SERVER_NAME='configured' HTTP_HOST=None SERVER_PROTOCOL='HTTP/1.0' CONTENT_LENGTH=None CONTENT_TYPE=None`},
		{"GET /mount/ HTTP/1.1\r\nHost: x\r\nCookie: a=1\r\nX-A: 1\r\ncookie: b=2\r\nX-a: \xe9\r\nKeys: HTTP_COOKIE HTTP_X_A\r\n\r\n",
			`HTTP_COOKIE='a=1; b=2' HTTP_X_A='1, é'`},
		{"GET /mount/ HTTP/1.1\r\nHost: x\r\nProxy: evil\r\nX_A: evil\r\nKeys: HTTP_PROXY HTTP_X_A\r\n\r\n", `HTTP_PROXY=None HTTP_X_A=None`},
		{"GET /mount/ HTTP/1.1\r\nHost: x\r\nKeys: MINE HTTPS wsgi.url_scheme mod_wsgi.callable_object\r\n\r\n",
			`MINE='1' HTTPS=None wsgi.url_scheme='https' mod_wsgi.callable_object='application'`},
		{"POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 0\r\nKeys: CONTENT_LENGTH CONTENT_TYPE HTTP_CONTENT_TYPE HTTP_CONTENT_LENGTH\r\n\r\n",
			`CONTENT_LENGTH='0' CONTENT_TYPE='text/x' HTTP_CONTENT_TYPE=None HTTP_CONTENT_LENGTH=None`},
		{"POST /mount/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nKeys: CONTENT_LENGTH HTTP_TRANSFER_ENCODING\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
			`CONTENT_LENGTH='3' HTTP_TRANSFER_ENCODING='chunked'`},
	} {
		want := "200 " + strings.Join(strings.Split(c.want, " "), "\n")
		want = strings.Replace(want, "/a\nb/", "/a b/", 1)
		want = strings.Replace(strings.Replace(want, "1;\n", "1; ", 1), "1,\n", "1, ", 1)
		if got := exchange(t, c.request)[0]; got != want {
			t.Errorf("%q:\n%s\nwant\n%s", c.request, got, want)
		}
	}
}

// TestTooLargeForTheBlock: what does not fit the environ block is answered 431, whatever body comes with it, and the slot
// is good for the next one.
func TestTooLargeForTheBlock(t *testing.T) {
	field := "X-Large: " + strings.Repeat("y", 40_000) + "\r\n"
	chunk := "10000\r\n" + strings.Repeat("z", 0x10000) + "\r\n"
	for range 5 {
		for name, request := range map[string]string{
			"no body":       "GET /mount/ HTTP/1.1\r\nHost: x\r\n" + field + "\r\n",
			"a small body":  "POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n" + field + "\r\nabc",
			"a large body":  "POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n" + field + "\r\n" + large[:70_000],
			"chunks":        "POST /mount/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + field + "\r\n" + chunk + chunk,
			"100-continue":  "POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n" + field + "\r\n",
			"not all there": "POST /mount/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + field + "\r\n1\r\n",
		} {
			if got := exchange(t, request)[0]; !strings.HasPrefix(got, "431 ") {
				t.Errorf("%s: %.100s", name, got)
			}
		}
		if got := exchange(t, "POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")[0]; got != "200 abc" {
			t.Fatalf("afterwards: %.100s", got)
		}
	}
}

// TestConnectionIsKept: bodies of every kind are read, and the connection serves the next request, hop-by-hop headers of
// the application notwithstanding.
func TestConnectionIsKept(t *testing.T) {
	big := strings.Repeat("0123456789", 20_000)
	small := "POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
	large := fmt.Sprintf("POST /mount/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(big), big)
	chunked := fmt.Sprintf("POST /mount/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(big), big)
	unread := fmt.Sprintf("POST /mount/ HTTP/1.1\r\nHost: x\r\nKeys: MINE\r\nContent-Length: %d\r\n\r\n%s", len(big), big)
	for range 20 {
		got := exchange(t, small, large, chunked, unread, small, chunked, small)
		want := []string{"200 abc", "200 " + big, "200 " + big, "200 MINE='1'", "200 abc", "200 " + big, "200 abc"}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("response %d is %.60q, want %.60q", i, got[i], want[i])
			}
		}
	}
}
