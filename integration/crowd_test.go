package integration

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowdApplication answers with its process, the request's number and its own version, in one piece, after a pause, or in two
// pieces. The first thing it does is to write the number into the file "begun": a number that is not there has not
// reached the application.
const crowdApplication = `import os, time

begun = os.open('begun', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

def pieces(text):
    yield text[:5]
    time.sleep(0.01)
    yield text[5:]

def application(environ, start_response):
    number = int(environ['QUERY_STRING'])
    os.write(begun, b'%d\n' % number)
    start_response('200 OK', [])
    text = b'%d %d VERSION' % (os.getpid(), number)
    if number % 4 == 0:
        time.sleep(0.01)
    return pieces(text) if number % 4 == 1 else [text]
`

// crowd is clients that ask again as soon as they are answered. None of them ever repeats a request, so that each one
// that is not answered as it should be is counted.
type crowd struct {
	t       *testing.T
	g       *gild
	stop    chan struct{}
	all     sync.WaitGroup
	numbers atomic.Int64 // of requests, so far
	version atomic.Int64 // of the application, as far as the test knows: an answer must not be older
	mu      sync.Mutex
	lost    map[int64]loss
	pids    map[int]bool // processes that have answered
	took    []time.Duration
}

// loss is how a request was not answered. Status is 0 if no head came at all; torn, that the body did not end well.
type loss struct {
	status int
	torn   bool
	err    error
}

// manner is how a client of a crowd behaves.
type manner struct {
	keep     bool   // it uses its connection again
	slow     bool   // it sends its request in several pieces, with pauses
	protocol string // of protocols; "" is plain HTTP/1
}

// manners are those of any crowd, secureManners of one that comes by HTTPS.
var (
	manners       = []manner{{}, {keep: true}, {keep: true, slow: true}}
	secureManners = []manner{{protocol: "tls"}, {protocol: "tls", keep: true}, {protocol: "h2"}, {protocol: "h3"}}
)

// startCrowd starts gild with crowdApplication.
func startCrowd(t *testing.T, args ...string) *gild {
	t.Helper()
	dir := t.TempDir()
	deploy(t, dir, 1)
	return start(t, dir, nil, append([]string{"start-server", "app.wsgi", "--threads", "2"}, args...))
}

// deploy puts a version of crowdApplication in place, at once and not piece by piece.
func deploy(t *testing.T, dir string, version int64) {
	t.Helper()
	text := strings.ReplaceAll(crowdApplication, "VERSION", fmt.Sprint(version))
	path := filepath.Join(dir, "app.wsgi")
	if err := os.WriteFile(path+".new", []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// gather sets a crowd on a gild: so many clients of each manner.
func gather(t *testing.T, g *gild, each int, manners ...manner) *crowd {
	c := &crowd{t: t, g: g, stop: make(chan struct{}), lost: map[int64]loss{}, pids: map[int]bool{}}
	for _, m := range manners {
		if m.protocol == "h2" || m.protocol == "h3" {
			c.joinLine(m.protocol, each)
			continue
		}
		for range each {
			c.all.Go(func() { c.client(m) })
		}
	}
	return c
}

// client asks until the crowd leaves.
func (c *crowd) client(m manner) {
	var conn *connection
	for !c.over() {
		conn = c.ask(m, conn)
	}
}

// over reports whether the crowd is to leave.
func (c *crowd) over() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// ask makes one request, on conn or on a new connection, and returns the connection for the next one.
func (c *crowd) ask(m manner, conn *connection) *connection {
	if conn == nil {
		var err error
		if conn, err = m.dial(c.g); err != nil {
			c.note(c.numbers.Add(1), 0, 0, loss{err: err})
			return nil
		}
	}
	number, version, began := c.numbers.Add(1), c.version.Load(), time.Now()
	pid, how := m.exchange(conn, number, version)
	c.note(number, pid, time.Since(began), how)
	if m.keep && how.err == nil && !conn.answer.Close {
		return conn
	}
	conn.Close()
	return nil
}

func (m manner) dial(g *gild) (*connection, error) {
	if m.protocol == "" {
		return dial(g.address())
	}
	c, err := tls.Dial("tcp", g.secure(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	return converse(c), nil
}

// exchange sends a request and reads its answer.
func (m manner) exchange(conn *connection, number, version int64) (pid int, how loss) {
	conn.SetDeadline(time.Now().Add(patience))
	if err := m.send(conn, number); err != nil {
		return 0, loss{err: err}
	}
	answer, err := http.ReadResponse(conn.read, nil)
	if err != nil {
		return 0, loss{err: fmt.Errorf("no response: %w", err)}
	}
	conn.answer = answer
	return read(answer, number, version)
}

// read takes an answer, which must be of that version or a newer one.
func read(answer *http.Response, number, version int64) (pid int, how loss) {
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return 0, loss{answer.StatusCode, err != nil, fmt.Errorf("status %s, %v", answer.Status, err)}
	}
	var gotNumber, gotVersion int64
	_, err = fmt.Sscan(string(body), &pid, &gotNumber, &gotVersion)
	if err != nil || gotNumber != number || gotVersion < version {
		return pid, loss{err: fmt.Errorf("request %d for version %d was answered %q", number, version, body)}
	}
	return pid, loss{}
}

// send writes a request, a slow client in three pieces.
func (m manner) send(conn *connection, number int64) error {
	text := fmt.Sprintf("GET /?%d HTTP/1.1\r\nHost: gild.example\r\n", number)
	if !m.keep {
		text += "Connection: close\r\n"
	}
	text += "\r\n"
	if m.slow {
		for _, piece := range []string{text[:9], text[9:30]} {
			if _, err := conn.Write([]byte(piece)); err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // this client is like that; nothing is waited for
		}
		text = text[30:]
	}
	_, err := conn.Write([]byte(text))
	return err
}

// note keeps what became of a request.
func (c *crowd) note(number int64, pid int, took time.Duration, how loss) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if how.err != nil {
		c.lost[number] = how
		return
	}
	c.pids[pid] = true
	c.took = append(c.took, took)
}

// served waits until each of the processes has answered.
func (c *crowd) served(pids []int) {
	c.t.Helper()
	err := retry(func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, pid := range pids {
			if !c.pids[pid] {
				return fmt.Errorf("process %d has not answered anything; these have: %v", pid, c.pids)
			}
		}
		return nil
	})
	if err != nil {
		c.t.Error(err)
	}
}

// leave ends the crowd, and reports how it was served.
func (c *crowd) leave() {
	close(c.stop)
	c.all.Wait()
	slices.Sort(c.took)
	if n := len(c.took); n > 0 {
		c.t.Logf("%d requests answered by %d processes, %d not; half within %v, 99%% within %v, all within %v",
			n, len(c.pids), len(c.lost), c.took[n/2], c.took[n*99/100], c.took[n-1])
	}
}

// lostNothing ends the crowd, none of which may have lost a request.
func (c *crowd) lostNothing() {
	c.t.Helper()
	c.leave()
	for number, how := range c.lost {
		c.t.Errorf("request %d: %v", number, how.err)
	}
	for number, times := range c.begun() {
		if times != 1 {
			c.t.Errorf("request %d reached the application %d times", number, times)
		}
	}
}

// begun is how often each request has reached the application.
func (c *crowd) begun() map[int64]int {
	text, err := os.ReadFile(filepath.Join(c.g.dir, "begun"))
	if err != nil {
		c.t.Error(err)
	}
	times := map[int64]int{}
	for _, line := range strings.Fields(string(text)) {
		var number int64
		fmt.Sscan(line, &number)
		times[number]++
	}
	return times
}
