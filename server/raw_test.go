package server

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("u", false, "rewrite testdata/*.txtar with what the server answers")

// TestRaw sends the bytes of testdata/*.txtar and compares all that comes back. A file starts with what it proves and, if
// it needs any, a line "options: name=value ...". Then follow cases of two parts:
//
//	-- NAME: request --   bytes to send. Line ends of the file do not count, \r, \n, \t, \\ and \xHH are what they are in Go,
//	                      and \{8000:x} is 8000 times x. A line "---" waits for one response before it goes on,
//	                      "close" at the end sends the end of the stream.
//	-- NAME: response --  everything until the server closes: \r\n is a line end, dates are "Date: *". Other bytes below 0x20
//	                      are escaped.
//
// Each case ends when the server has closed the connection, so its last request has to make it do so.
func TestRaw(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runFile(t, file) })
	}
}

func runFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, answer, optionsOf(t, string(archive.Comment)))
	for i := 0; i+1 < len(archive.Files); i += 2 {
		request, response := &archive.Files[i], &archive.Files[i+1]
		name, ok := strings.CutSuffix(request.Name, ": request")
		if !ok || response.Name != name+": response" {
			t.Fatalf("%s: want pairs of request and response, got %q and %q", file, request.Name, response.Name)
		}
		t.Run(name, func(t *testing.T) {
			got := s.exchangeRaw(t, string(request.Data))
			if *update {
				response.Data = []byte(got)
			} else if want := string(response.Data); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// optionsOf reads the options line of a file's comment.
func optionsOf(t *testing.T, comment string) func(*Options) {
	set := map[string]func(o *Options, value string){
		"name":      func(o *Options, v string) { o.Site.Name = v },
		"https":     func(o *Options, v string) { o.Site.HTTPSOnly, o.Site.HTTPSPort = true, v },
		"mount":     func(o *Options, v string) { o.Mount = v },
		"line":      func(o *Options, v string) { o.Limits.RequestLine = number(t, v) },
		"head":      func(o *Options, v string) { o.Limits.Head = number(t, v) },
		"fields":    func(o *Options, v string) { o.Limits.Fields = number(t, v) },
		"body":      func(o *Options, v string) { o.Limits.Body = int64(number(t, v)) },
		"keepalive": func(o *Options, v string) { o.Timeouts.KeepAlive = milliseconds(t, v) },
		"headers":   func(o *Options, v string) { o.Timeouts.Header.Timeout = milliseconds(t, v) },
		"slowbody":  func(o *Options, v string) { o.Timeouts.Body.Timeout = milliseconds(t, v) },
	}
	return func(o *Options) {
		_, line, _ := strings.Cut(comment, "options: ")
		line, _, _ = strings.Cut(line, "\n")
		for _, word := range strings.Fields(line) {
			name, value, _ := strings.Cut(word, "=")
			if set[name] == nil {
				t.Fatalf("unknown option %q", word)
			}
			set[name](o, value)
		}
	}
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func milliseconds(t *testing.T, s string) time.Duration {
	return time.Duration(number(t, s)) * time.Millisecond
}

// exchangeRaw plays the client of one case and returns what it saw.
func (r *running) exchangeRaw(t *testing.T, script string) string {
	c := r.dial(t)
	script, closing := strings.CutSuffix(script, "close\n")
	var seen bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &seen))
	parts := strings.Split(script, "---\n")
	for i, part := range parts {
		if _, err := io.WriteString(c, unescape(t, part)); err != nil {
			t.Fatal(err)
		}
		if i < len(parts)-1 {
			readResponse(t, in)
		}
	}
	if closing {
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	end := ""
	if _, err := io.Copy(io.Discard, in); err != nil {
		end = "(" + describe(t, err) + ")\n"
	}
	return printable(seen.Bytes()) + end
}

// readResponse reads one response with its body.
func readResponse(t *testing.T, in *bufio.Reader) {
	resp, err := http.ReadResponse(in, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// describe names an error of reading so that it is the same in each run. A timeout is never an expected answer.
func describe(t *testing.T, err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server has not closed the connection")
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return "connection reset"
	}
	return err.Error()
}

var repeat = regexp.MustCompile(`\\\{(\d+):(.*?)\}`)

// unescape turns the text of a request into its bytes.
func unescape(t *testing.T, s string) string {
	s = strings.ReplaceAll(s, "\n", "")
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		return strings.Repeat(parts[2], number(t, parts[1]))
	})
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("bad escape in request: %v", err)
	}
	return s
}

var (
	dateField = regexp.MustCompile(`(?m)^Date: .* GMT$`)

	// ownPage is a page of the server. Its looks are no matter of goldens, but what it says is.
	ownPage = regexp.MustCompile(`(?s)<!DOCTYPE html>\n.*?<p class="code">(\d+)</p>\n<h1>(.*?)</h1>\n<p>(.*?)</p>\n.*?</html>\n`)

	ownHead = regexp.MustCompile(`Content-Length: \d{4}\n(Content-Type: text/html; charset=iso-8859-1\n)`) // the answer to HEAD
)

// printable is the inverse for responses.
func printable(b []byte) string {
	var out strings.Builder
	for _, c := range strings.ReplaceAll(string(b), "\r\n", "\n") {
		if c < ' ' && c != '\n' {
			fmt.Fprintf(&out, `\x%02x`, c)
		} else {
			out.WriteRune(c)
		}
	}
	text := dateField.ReplaceAllString(out.String(), "Date: *")
	for _, page := range ownPage.FindAllString(text, -1) {
		text = strings.Replace(text, fmt.Sprintf("Content-Length: %d\n", len(page)), "Content-Length: (of the page)\n", 1)
	}
	text = ownHead.ReplaceAllString(text, "Content-Length: (of the page)\n$1")
	text = ownPage.ReplaceAllString(text, "(page $1 $2: $3)\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n(no line end)\n"
	}
	return text
}
