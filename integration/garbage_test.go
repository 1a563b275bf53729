package integration

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// scribblingApplication writes into the memory that it shares with the front, as a bug in a C extension would.
const scribblingApplication = `import ctypes, os, random

def arena():
    with open('/proc/self/maps') as f:
        for line in f:
            if 'memfd:gild' in line:
                begin, end = (int(address, 16) for address in line.split()[0].split('-'))
                return begin, end - begin
    raise LookupError('no memory is shared with the front')

def zeros(begin, size):
    ctypes.memset(begin, 0, size)

def ones(begin, size):
    ctypes.memset(begin, 255, size)

def head(begin, size):
    ctypes.memmove(begin, random.randbytes(65536), 65536)

def noise(begin, size):
    block = random.randbytes(1 << 20)
    for at in range(0, size - len(block), len(block)):
        ctypes.memmove(begin + at, block, len(block))

def words(begin, size):
    for _ in range(100000):
        ctypes.c_uint64.from_address(begin + random.randrange(0, size - 8, 8)).value = random.getrandbits(64)

def application(environ, start_response):
    path = environ['PATH_INFO'][1:]
    if path:
        print('scribbling', path)
        random.seed(int(environ['QUERY_STRING']))
        globals()[path](*arena())
    start_response('200 OK', [])
    return [b'%d' % os.getpid()]
`

// TestGarbage has the application overwrite the arena in several ways. Whatever becomes of the request, and of the daemon, the
// front survives it: it is the same process afterwards, and serves requests with other daemons.
func TestGarbage(t *testing.T) {
	for _, kind := range []string{"zeros", "ones", "head", "noise", "words"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "app.wsgi", scribblingApplication)
			g := start(t, dir, nil, []string{"start-server", "app.wsgi", "--threads", "2", "--processes", "2",
				"--socket-timeout", "3", "--queue-timeout", "3", "--connect-timeout", "3"})
			front, err := g.member("front")
			if err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			for seed := range 3 {
				before := g.running(2)
				_, err := fetch(client, g.url(fmt.Sprintf("/%s?%d", kind, seed)))
				t.Logf("%s with seed %d: %v", kind, seed, err)
				g.recovered(client)
				if kind != "words" { // a word that nobody reads does not kill
					g.someReplaced(before)
				}
			}
			if now, err := g.member("front"); now != front {
				t.Errorf("the front was process %d, and is %d, %v", front, now, err)
			}
		})
	}
}

// recovered waits until gild serves several requests in a row.
func (g *gild) recovered(client *http.Client) {
	g.t.Helper()
	row := 0
	err := retry(func() error {
		_, err := fetch(client, g.url("/"))
		row++
		if err != nil {
			row = 0
		} else if row < 10 {
			err = fmt.Errorf("%d requests served in a row", row)
		}
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// someReplaced waits until not all of the processes are left.
func (g *gild) someReplaced(before []int) {
	g.t.Helper()
	err := retry(func() error {
		alive := map[int]bool{}
		for _, pid := range g.application() {
			alive[pid] = true
		}
		for _, pid := range before {
			if !alive[pid] {
				return nil
			}
		}
		return fmt.Errorf("processes %v are all still there", before)
	})
	if err != nil {
		g.t.Error(err)
	}
}
