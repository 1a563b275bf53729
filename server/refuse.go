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
	if c.refused {
		return nil
	}
	c.refused = true
	page := errorPage(status)
	err := c.writeAll(fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: %s\r\nConnection: close\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status),
		time.Now().UTC().Format(http.TimeFormat), serverName, pageType, len(page), page))
	c.logRefusal(status, why)
	c.server.counters.count(status, c.in, c.out)
	c.server.accessLog.Log(&logs.Entry{Status: status, Body: int64(len(page)), Received: c.in, Sent: c.out, Start: time.Now(),
		ClientAddr: c.RemoteAddr().String(), LocalAddr: c.LocalAddr(), Aborted: c.gone(), Reused: c.requests})
	return err
}

// logRefusal writes to the error log why there will be no more requests on this connection.
func (c *conn) logRefusal(status int, why string) {
	if !c.server.errorLog.Enabled(logs.Info) {
		return
	}
	message := fmt.Sprintf("Request refused: %d %s", status, http.StatusText(status))
	if why != "" {
		message += " (" + why + ")"
	}
	c.server.errorLog.Log(logs.Record{Level: logs.Info, Module: "core", Client: c.RemoteAddr().String(), Message: message})
}
