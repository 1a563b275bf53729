package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// h3client is an HTTP/3 client in Python, testdata/h3client.py, which says what its commands and events are.
type h3client struct {
	t       *testing.T
	process *companion
	in      io.Writer
	ca      string
	port    int

	mu     sync.Mutex
	events []h3event // all there have been
}

// h3event is any of the client's events; which fields mean something depends on its kind.
type h3event struct {
	Conn, Event       string
	ID                int
	Status            int
	Headers           [][2]string
	Text, How, Reason string
	Code              uint64
	Resumed, Early    bool
}

// command is one of the client's, without "do".
type command map[string]any

// newH3Client starts a client for gild's site, whose certificate is of the authority in the file ca.
func newH3Client(t *testing.T, g *gild, ca string) *h3client {
	t.Helper()
	cmd := exec.Command(clients(t), "-u", "testdata/h3client.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, write := io.Pipe()
	cmd.Stdout = write
	c := &h3client{t: t, in: in, ca: ca, port: g.https}
	go c.read(out)
	c.process = accompany(t, cmd)
	return c
}

// read keeps the events, until the client has ended.
func (c *h3client) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var event h3event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			c.t.Errorf("the HTTP/3 client said %q: %v", lines.Bytes(), err)
			continue
		}
		c.mu.Lock()
		c.events = append(c.events, event)
		c.mu.Unlock()
	}
}

// do sends a command.
func (c *h3client) do(what, conn string, details command) {
	c.t.Helper()
	all := command{"do": what, "conn": conn}
	for name, value := range details {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err == nil {
		_, err = c.in.Write(append(text, '\n'))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// connect begins a connection called conn, with further details of the command; it does not wait.
func (c *h3client) connect(conn string, details command) {
	c.t.Helper()
	all := command{"port": c.port, "sni": "localhost", "ca": c.ca}
	for name, value := range details {
		all[name] = value
	}
	c.do("connect", conn, all)
}

// connected connects and waits until it is.
func (c *h3client) connected(conn string) {
	c.t.Helper()
	c.connect(conn, nil)
	c.await(conn, "connected")
}

// await waits for the first event of one of the kinds.
func (c *h3client) await(conn string, kinds ...string) h3event {
	c.t.Helper()
	return c.find(fmt.Sprint(kinds, " of ", conn), func(e h3event) bool {
		return e.Conn == conn && slices.Contains(kinds, e.Event)
	})
}

// find waits for the first event for which is holds.
func (c *h3client) find(what string, is func(h3event) bool) (found h3event) {
	c.t.Helper()
	err := retry(func() error {
		for _, found = range c.all() {
			if is(found) {
				return nil
			}
		}
		if err := c.process.alive(); err != nil {
			return err
		}
		return fmt.Errorf("there is no %s", what)
	})
	if err != nil {
		c.t.Fatalf("%v; events: %+v", err, c.all())
	}
	return found
}

// all is a copy of the events so far.
func (c *h3client) all() []h3event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// h3answer is how a request ended.
type h3answer struct {
	status  int
	headers [][2]string
	body    string
	how     string // "end", "reset"; "closed" or "stateless reset" if the connection ended
}

// answer waits until a request has ended, in whichever way.
func (c *h3client) answer(conn string, id int) h3answer {
	c.t.Helper()
	last := c.find(fmt.Sprintf("end of request %d on %s", id, conn), func(e h3event) bool {
		return e.Conn == conn && (e.Event == "closed" || e.ID == id && (e.Event == "end" || e.Event == "reset"))
	})
	answer := h3answer{how: last.Event}
	if last.Event == "closed" {
		answer.how = last.How
	}
	for _, e := range c.all() {
		switch {
		case e.Conn != conn || e.ID != id:
		case e.Event == "head":
			answer.status, answer.headers = e.Status, e.Headers
		case e.Event == "data":
			answer.body += e.Text
		}
	}
	return answer
}

// get asks for a path, as request id of the connection, and waits for the answer.
func (c *h3client) get(conn string, id int, path string) h3answer {
	c.t.Helper()
	c.do("request", conn, command{"id": id, "path": path})
	return c.answer(conn, id)
}

// field is the first header field of a name, "" if there is none.
func (a h3answer) field(name string) string {
	for _, field := range a.headers {
		if strings.EqualFold(field[0], name) {
			return field[1]
		}
	}
	return ""
}
