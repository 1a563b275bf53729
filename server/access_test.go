package server

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gild/logs"
)

// accessCases are requests, as in testdata, and the lines they leave in a log of the format below.
const accessFormat = `"%r" %s %b %k %X %u "%{X-App}o" %{APP}e %R`

var accessCases = []struct{ name, script, want string }{
	{"common", `GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
		`"GET /hello HTTP/1.1" 200 12 0 - - "-" - -`},
	{"kept", `GET /hello HTTP/1.1\r\nHost: h\r\n\r\n` + "\n---\n" + `GET /end HTTP/1.1\r\nHost: h\r\n\r\n`,
		`"GET /hello HTTP/1.1" 200 12 0 + - "-" - -` + "\n" + `"GET /end HTTP/1.1" 200 5 1 - - "-" - -`},
	{"HEAD", `HEAD /hello HTTP/1.0\r\n\r\n`, `"HEAD /hello HTTP/1.0" 200 - 0 - - "-" - -`},
	{"torn", `GET /abort-late HTTP/1.1\r\nHost: h\r\n\r\n`, `"GET /abort-late HTTP/1.1" 200 4 0 X - "-" - -`},
	{"refused by a phase", `TRACE / HTTP/1.0\r\n\r\n`, `"TRACE / HTTP/1.0" 405 (page) 0 - - "-" - -`},
	{"refused before", `nonsense\r\n\r\n`, `"-" 400 (page without id) 0 - - "-" - -`},
	{"user and header", `GET /user HTTP/1.0\r\n\r\n`, `"GET /user HTTP/1.0" 200 3 0 - alice "yes" value app`},
}

func TestAccessLog(t *testing.T) {
	format, err := logs.ParseAccessFormat(accessFormat)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range accessCases {
		var mu sync.Mutex
		var lines strings.Builder
		sink := func(line []byte) {
			mu.Lock()
			defer mu.Unlock()
			lines.Write(line)
		}
		s := start(t, answer, func(o *Options) { o.AccessLog = logs.NewAccessLog(format, sink) })
		s.exchangeRaw(t, c.script)
		s.close(t)
		if got := strings.TrimSuffix(lines.String(), "\n"); got != withLengths(c.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// withLengths puts the number of bytes in the place of "(page)", after the status, and of "(page without id)".
func withLengths(line string) string {
	return pageOf.ReplaceAllStringFunc(line, func(s string) string {
		status, kind, _ := strings.Cut(s, " ")
		id := "an id of 16 byte"
		if kind != "(page)" {
			id = ""
		}
		n, _ := strconv.Atoi(status)
		return fmt.Sprint(status, " ", len(errorPage(n, id)))
	})
}

var pageOf = regexp.MustCompile(`\d{3} \(page( without id)?\)`)
