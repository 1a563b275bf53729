package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startWebSocketServer starts a server that others have made, and returns its port.
func startWebSocketServer(t *testing.T) (port string) {
	t.Helper()
	server := accompany(t, exec.Command(clients(t), "-u", "testdata/websocket.py", "serve"))
	err := retry(func() error {
		line, _, ended := strings.Cut(server.output.String(), "\n")
		if port = line; !ended {
			return fmt.Errorf("the WebSocket server has not said its port: %s", server.output.String())
		}
		return server.alive()
	})
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// conversed is what the client of testdata/websocket.py says in the end.
const conversed = `subprotocol chat
text Grüße
binary True
pong
many True
closed 4001 as you wish
`

// TestWebSocket has a client and a server that share no code with gild converse through it, with TLS and without.
func TestWebSocket(t *testing.T) {
	python := clients(t)
	everywhere(t, func(t *testing.T, args []string) {
		port := startWebSocketServer(t)
		s := startSecure(t, append(args, "--proxy-mount-point", "/chat", "http://127.0.0.1:"+port)...)
		for _, url := range []string{fmt.Sprintf("ws://127.0.0.1:%d/chat/", s.port), fmt.Sprintf("wss://localhost:%d/chat/", s.https)} {
			talk := exec.Command(python, "testdata/websocket.py", "talk", url, s.ca)
			talk.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
			if out, err := talk.CombinedOutput(); err != nil || string(out) != conversed {
				t.Errorf("%s: %v\n%s", url, err, out)
			}
		}
	})
}

// socketApplication has a page that sends a message by WebSocket and reports the answer.
const socketApplication = `PAGE = b"""<!DOCTYPE html>
<title>WebSocket</title>
<script>
onload = () => {
    const report = text => fetch('/report', {method: 'POST', body: text})
    const socket = new WebSocket('wss://' + location.host + '/chat/', 'chat')
    socket.onopen = () => socket.send('hello from a browser')
    socket.onmessage = e => { report(socket.protocol + ' ' + e.data); socket.send('close') }
    socket.onclose = e => report('closed ' + e.code + ' ' + e.reason)
}
</script>
"""

def application(environ, start_response):
    if environ['PATH_INFO'] == '/report':
        with open('reports', 'ab') as f:
            f.write(environ['wsgi.input'].read() + b'\n')
    start_response('200 OK', [('Content-Type', 'text/html')])
    return [PAGE]
`

// TestWebSocketInChromium: a browser that has a connection of HTTP/2 opens its WebSocket on it.
func TestWebSocketInChromium(t *testing.T) {
	chromium := program(t, "chromium")
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecureApplication(t, socketApplication, append(args, "--disable-http3", "--access-log-format", "%H %m %U %R",
			"--proxy-mount-point", "/chat", "http://127.0.0.1:"+startWebSocketServer(t))...)
		home := browserHome(t)
		browser := exec.Command(chromium, append(chromiumFlags(t, home, filepath.Join(s.dir, "site.crt")), fmt.Sprintf("https://gild.example:%d/page", s.https))...)
		browser.Env = append(os.Environ(), "HOME="+home)
		accompany(t, browser)
		for _, want := range []string{"chat hello from a browser\n", "closed 4001 as you wish\n"} {
			s.untilLate(2*time.Minute, "report of "+want, func() bool {
				text, _ := os.ReadFile(filepath.Join(s.dir, "reports"))
				return strings.Contains(string(text), want)
			})
		}
		s.accessed("HTTP/2.0 CONNECT /chat/ proxy-server")
	})
}
