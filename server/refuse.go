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

const (
	lingerTime  = 500 * time.Millisecond // how long a refused client may go on talking
	lingerBytes = 256 << 10              // and how much
)

// refuseFor sends the page that stands for a complaint of net/http, "HTTP/1.1 400 Bad Request: text...".
func (c *conn) refuseFor(complaint []byte) error {
	line, _, _ := strings.Cut(string(complaint), "\r\n")
	if len(line) < len("HTTP/1.1 400") {
		return nil
	}
	status, err := strconv.Atoi(line[9:12])
	if err != nil {
		status = http.StatusBadRequest
	}
	text := strings.TrimPrefix(line[12:], " "+http.StatusText(status))
	if status == http.StatusRequestHeaderFieldsTooLarge && c.head.synced && c.head.lines == 0 {
		status = http.StatusRequestURITooLong
	}
	return c.refuse(status, strings.TrimPrefix(text, ": "))
}

// refuse answers a request without an Exchange and has the connection closed after it. Only the first refusal is sent.
func (c *conn) refuse(status int, why string) error {
	if c.refused {
		return nil
	}
	c.refused = true
	c.logRefusal(status, why)
	page := errorPage(status)
	return c.writeAll(fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: %s\r\nConnection: close\r\n"+
		"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, http.StatusText(status),
		time.Now().UTC().Format(http.TimeFormat), serverName, pageType, len(page), page))
}

// logRefusal writes the line of a request of which nothing but its failure is known.
func (c *conn) logRefusal(status int, why string) {
	if c.server.errorLog.Enabled(logs.Info) {
		message := fmt.Sprintf("Request refused: %d %s", status, http.StatusText(status))
		if why != "" {
			message += " (" + why + ")"
		}
		c.server.errorLog.Log(logs.Record{Level: logs.Info, Module: "core", Client: c.RemoteAddr().String(), Message: message})
	}
	if c.server.accessLog != nil {
		e := logs.Entry{Status: status, Body: int64(len(errorPage(status))), Received: c.in, Start: time.Now(),
			ClientAddr: c.RemoteAddr().String(), LocalAddr: c.LocalAddr(), Reused: c.requests}
		c.server.accessLog.Log(&e)
	}
}

// linger reads for a moment what the client still sends. Closing with unread data would reset the connection, and the
// client could lose the answer (RFC 9112 section 9.6).
func (c *conn) linger() {
	if c.CloseWrite() != nil || c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	buf := make([]byte, 4096)
	for total := 0; total < lingerBytes; {
		n, err := c.Conn.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}
