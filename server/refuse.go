package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gild/logs"
)

// A request can be refused before there is an Exchange: its head could not be read. net/http then writes a line of text
// to the connection; the functions of this file send our page in its place and log the refusal.

// refuseFor sends the page that stands for a complaint of net/http: "HTTP/1.1 400 Bad Request" with the reason as its body,
// mostly after the status once more.
func (c *conn) refuseFor(complaint []byte) error {
	head, why, _ := strings.Cut(string(complaint), "\r\n\r\n")
	status := statusOf(head)
	if status == http.StatusRequestHeaderFieldsTooLarge && c.head.synced && c.head.lines == 0 {
		return c.refuse(http.StatusRequestURITooLong, "")
	}
	why = strings.TrimPrefix(why, fmt.Sprintf("%d %s", status, http.StatusText(status)))
	return c.refuse(status, strings.TrimPrefix(why, ": "))
}

// statusOf reads the status line of a response; what is none counts as 400.
func statusOf(line string) int {
	if len(line) >= len("HTTP/1.1 400") {
		if status, err := strconv.Atoi(line[9:12]); err == nil {
			return status
		}
	}
	return http.StatusBadRequest
}

// refuse answers a request without an Exchange and has the connection closed after it. Only the first refusal is sent.
func (c *conn) refuse(status int, why string) error {
	return c.refuseWith(status, errorPage(status, ""), why)
}

// refuseWith is refuse with a page for this occasion.
func (c *conn) refuseWith(status int, page []byte, why string) error {
	if c.refused {
		return nil
	}
	c.refused = true
	secure := ""
	if c.tls != nil && c.server.hsts != nil {
		secure = "Strict-Transport-Security: " + c.server.hsts[0] + "\r\n"
	}
	err := c.writeAll(fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: %s\r\nConnection: close\r\n%s"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status),
		time.Now().UTC().Format(http.TimeFormat), serverName, secure, pageType, len(page), page))
	c.logRefusal(status, why)
	in, out := c.traffic()
	c.server.counters.count(1, status, in, out)
	c.server.accessLog.Log(&logs.Entry{Status: status, Body: int64(len(page)), Received: in, Sent: out, Start: time.Now(),
		ClientAddr: c.RemoteAddr().String(), LocalAddr: c.local, Aborted: c.gone(), Reused: c.requests})
	return err
}

// logRefusal writes to the error log why there will be no more requests on this connection.
func (c *conn) logRefusal(status int, why string) {
	message := fmt.Sprintf("Request refused: %d %s", status, http.StatusText(status))
	if why != "" {
		message += " (" + why + ")"
	}
	c.socket.log(logs.Info, message)
}
