package integration

import (
	"fmt"
	"strings"
	"testing"
)

// everywhere runs a test in each placement.
func everywhere(t *testing.T, test func(t *testing.T, args []string)) {
	for _, place := range placements {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			test(t, place.args)
		})
	}
}

// TestH3 has an independent client converse by HTTP/3.
func TestH3(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		for id, test := range []struct {
			request command
			want    string
		}{
			{command{"path": "/get"}, "GET HTTP/3.0 https /get 0 "},
			{command{"method": "POST", "path": "/post", "body": "a body"}, "POST HTTP/3.0 https /post 6 "},
			{command{"method": "PUT", "path": "/large", "body": strings.Repeat("x", 1<<20)}, "PUT HTTP/3.0 https /large 1048576 "},
			{command{"method": "HEAD", "path": "/head"}, ""},
			{command{"method": "DELETE", "path": "/other?query"}, "DELETE HTTP/3.0 https /other 0 "},
			{command{"path": "/big"}, strings.Repeat("0123456789abcdef", 196608)},
		} {
			test.request["id"] = id
			c.do("request", "a", test.request)
			if got := c.answer("a", id); got.status != 200 || got.how != "end" || got.body != test.want {
				t.Errorf("%v: %s", test.request, got)
			} else if got.field("Date") == "" || got.field("Connection") != "" || got.field("Transfer-Encoding") != "" {
				t.Errorf("%v: header fields %v", test.request, got.headers)
			}
		}
	})
}

// TestH3Streams tests what one connection does at the same time.
func TestH3Streams(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		c.do("request", "a", command{"id": 1, "path": "/gate"})
		c.find("first piece", func(e h3event) bool { return e.ID == 1 && e.Text == "first " })
		c.do("request", "a", command{"id": 2, "method": "POST", "path": "/slow", "body": "half ", "more": true})
		for id := range 50 {
			c.do("request", "a", command{"id": 100 + id, "path": fmt.Sprint("/many", id)})
		}
		for id := range 50 {
			if got := c.answer("a", 100+id); got.body != fmt.Sprintf("GET HTTP/3.0 https /many%d 0 ", id) {
				t.Errorf("request %d of many: %s", id, got)
			}
		}
		c.do("send", "a", command{"id": 2, "body": "half"})
		if got := c.answer("a", 2); got.body != "POST HTTP/3.0 https /slow 9 " {
			t.Errorf("body in two pieces: %s", got)
		}
		if got := c.get("a", 3, "/torn"); got.how != "reset" { // with its beginning or, as a reset may overtake it, without
			t.Errorf("torn response: %s", got)
		}
		s.open()
		if got := c.answer("a", 1); got.body != "first second" || got.how != "end" {
			t.Errorf("response in two pieces: %s", got)
		}
	})
}

// TestH3Cancelled has the client leave a request of which it has seen the beginning: the connection goes on.
func TestH3Cancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		c.do("request", "a", command{"id": 1, "method": "POST", "path": "/gate", "body": "x", "more": true})
		s.begun(1)
		c.do("cancel", "a", command{"id": 1})
		if got := c.get("a", 2, "/after"); got.body != "GET HTTP/3.0 https /after 0 " {
			t.Errorf("a request after the cancelled one: %s", got)
		}
		s.open()
	})
}

// TestH3Connection changes keys and the client's address, and sends what only looks like packets of the connection.
func TestH3Connection(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("a")
		for id, change := range []string{"update_key", "rebind", "noise", "rebind"} {
			c.do(change, "a", map[string]command{"noise": {"count": 100}}[change])
			if got := c.get("a", id, "/after"); got.body != "GET HTTP/3.0 https /after 0 " {
				t.Errorf("after %s: %s", change, got)
			}
		}
		if n := len(c.closed()); n > 0 {
			t.Errorf("%d connections were closed", n)
		}
	})
}

// TestH3EarlyData sends requests as 0-RTT: of those that arrive before the handshake is complete, only those whose repetition
// does no harm are served (RFC 8470). The client hears nothing, and so does not complete it, until all are answered.
func TestH3EarlyData(t *testing.T) {
	everywhere(t, func(t *testing.T, args []string) {
		s := startSecure(t, args...)
		c := newH3Client(t, s.gild, s.ca)
		c.connected("first")
		c.await("first", "ticket")
		c.connect("second", command{"resume": "first", "deaf": true, "requests": []command{
			{"id": 1, "path": "/early"}, {"id": 2, "path": "/early", "method": "POST", "body": "x"},
		}})
		s.accessed(`"GET /early HTTP/3.0" 200`)
		s.accessed(`"POST /early HTTP/3.0" 425`)
		c.do("listen", "second", nil)
		if e := c.await("second", "connected", "closed"); !e.Resumed || !e.Early {
			t.Fatalf("0-RTT was not accepted: %+v", e)
		}
		if got := c.answer("second", 1); got.body != "GET HTTP/3.0 https /early 0 " {
			t.Errorf("GET: %s", got)
		}
		if got := c.answer("second", 2); got.status != 425 {
			t.Errorf("POST: %s", got)
		}
		c.do("request", "second", command{"id": 3, "path": "/late", "method": "POST", "body": "x"})
		if got := c.answer("second", 3); got.body != "POST HTTP/3.0 https /late 1 " {
			t.Errorf("POST after the handshake: %s", got)
		}
	})
}

// closed are the connections that have ended.
func (c *h3client) closed() (list []h3event) {
	for _, e := range c.all() {
		if e.Event == "closed" {
			list = append(list, e)
		}
	}
	return list
}

// String is short enough for a failure.
func (a h3answer) String() string {
	return fmt.Sprintf("status %d, %.100q, %s, %v", a.status, a.body, a.how, a.headers)
}
