package integration

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// soak skips a test that takes minutes or measures, unless make soak runs it.
func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("GILD_SOAK") == "" {
		t.Skip("takes minutes: run it with `make soak`")
	}
}

// soakApplication uses all of the engine: bodies, streams, write(), files, headers, the log and exceptions.
const soakApplication = `import io, os

def echo(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ['wsgi.input'].read()]

def lines(environ, start_response):
    write = start_response('200 OK', [('X-Header-%d' % i, 'value') for i in range(5)])
    write(b'written')
    return (line for line in environ['wsgi.input'])

def file(environ, start_response):
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](open(__file__, 'rb'))

def memory(environ, start_response):
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](io.BytesIO(b'x' * 20000))

def fails(environ, start_response):
    if environ['QUERY_STRING'] == 'call':
        raise ValueError('before the response')
    start_response('200', [('wrong header', 'x')])

application = lambda environ, start_response: globals()[environ['PATH_INFO'][1:]](environ, start_response)
`

// soakRequests are what each client sends, one after the other and again. Failing ones are few: a traceback is slow.
var soakRequests = slices.Concat(
	slices.Repeat([]string{"GET /echo HTTP/1.1\r\nHost: x\r\nX-Field: value\r\n\r\n"}, 40),
	slices.Repeat([]string{"POST /echo?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"}, 20),
	slices.Repeat([]string{"POST /lines HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n0\r\n\r\n"}, 20),
	slices.Repeat([]string{"GET /file HTTP/1.1\r\nHost: x\r\n\r\n"}, 9),
	slices.Repeat([]string{"GET /memory HTTP/1.1\r\nHost: x\r\n\r\n"}, 9),
	[]string{"GET /fails?call HTTP/1.1\r\nHost: x\r\n\r\n", "GET /fails HTTP/1.1\r\nHost: x\r\n\r\n"},
)

// TestSoakMemory sends a million requests, after a warm-up, to a gild: none of its processes may then have grown by 2 MB, with
// the application in the main interpreter and in a sub-interpreter, in a daemon and embedded.
func TestSoakMemory(t *testing.T) {
	soak(t)
	for _, place := range placements {
		for _, group := range []string{"%{GLOBAL}", "second"} {
			t.Run(place.name+"/"+group, func(t *testing.T) {
				soakMemory(t, append([]string{"--application-group", group}, place.args...))
			})
		}
	}
}

func soakMemory(t *testing.T, args []string) {
	const rounds, clients, allowed = 10_000, 4, 2 << 20
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.wsgi"), []byte(soakApplication), 0o666); err != nil {
		t.Fatal(err)
	}
	g := start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--threads", "2", "--log-level", "crit",
		"--keep-alive-timeout", "60"}, args...))
	soakRounds(t, g, clients, rounds/5)
	before := resident(t, g)
	soakRounds(t, g, clients, rounds)
	after := resident(t, g)
	for process, size := range after {
		was, ok := before[process]
		t.Logf("%s %d: %d bytes after the warm-up, %d after %d requests more",
			process.role, process.pid, was, size, rounds*len(soakRequests))
		if !ok {
			t.Errorf("%s %d was not there before: one has been replaced", process.role, process.pid)
		} else if size-was > allowed {
			t.Errorf("%s %d grew by %d bytes, more than %d", process.role, process.pid, size-was, allowed)
		}
	}
}

// soakRounds has clients send soakRequests so many times in all.
func soakRounds(t *testing.T, g *gild, clients, rounds int) {
	t.Helper()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			if err := soakClient(g.address(), rounds/clients); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// soakClient plays the rounds on one connection.
func soakClient(address string, rounds int) error {
	c, err := dial(address)
	if err != nil {
		return err
	}
	defer c.Close()
	for range rounds {
		for _, request := range soakRequests {
			if err := soakRequest(c, request); err != nil {
				return fmt.Errorf("%.20q: %w", request, err)
			}
		}
	}
	return nil
}

func soakRequest(c *connection, request string) error {
	if _, err := c.Write([]byte(request)); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	want := http.StatusOK
	if strings.HasPrefix(request, "GET /fails") {
		want = http.StatusInternalServerError
	}
	if answer.StatusCode != want {
		return fmt.Errorf("status %s", answer.Status)
	}
	return nil
}

// resident is the resident memory of each process but the supervisor, in bytes.
func resident(t *testing.T, g *gild) map[relative]int64 { return memoryOf(t, g, "VmRSS:") }

// memoryOf is a line about memory in the status of each process but the supervisor, in bytes.
func memoryOf(t *testing.T, g *gild, line string) map[relative]int64 {
	t.Helper()
	sizes := map[relative]int64{}
	for _, process := range g.family() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), line)
		var kilobytes int64
		if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
			t.Fatal(err)
		}
		sizes[process] = kilobytes << 10
	}
	return sizes
}
