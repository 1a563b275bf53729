package integration

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// talk is what a story does with a connection, whatever protocol it speaks. A *connection speaks HTTP/1, a *stream the
// others.
type talk interface {
	send(raw []byte) error         // in the form of HTTP/1
	head() (*http.Response, error) // of the next answer
	part(n int) (string, error)    // of its body
	rest() (string, bool, error)   // of its body, and whether it is torn
	closed() error                 // the server ends the connection
	Close() error
	shut() error
	reset() error
}

// connection is one TCP connection of a story, seen from the client, with TLS on it or not.
type connection struct {
	net.Conn
	read    *bufio.Reader
	methods []string       // of the requests that have been sent but not answered, oldest first
	answer  *http.Response // the answer whose body is being read
}

// dial opens a connection to gild, whose listener is open whenever its supervisor lives.
func dial(address string) (*connection, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return converse(c), nil
}

// converse is a conversation in HTTP/1.
func converse(c net.Conn) *connection { return &connection{Conn: c, read: bufio.NewReader(c)} }

// requestLine finds the method of each request in raw bytes.
var requestLine = regexp.MustCompile(`([A-Z]+) \S+ HTTP/1\.`)

// send writes raw bytes and notes the methods in them: an answer cannot be read without knowing what it answers.
func (c *connection) send(raw []byte) error {
	for _, m := range requestLine.FindAllSubmatch(raw, -1) {
		c.methods = append(c.methods, string(m[1]))
	}
	c.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Write(raw)
	return err
}

// head reads a status line and header fields; the body is left to read.
func (c *connection) head() (*http.Response, error) {
	method := "GET"
	if len(c.methods) > 0 {
		method = c.methods[0]
	}
	c.SetReadDeadline(time.Now().Add(patience))
	answer, err := http.ReadResponse(c.read, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("no response: %w", err)
	}
	if answer.StatusCode >= 200 && len(c.methods) > 0 {
		c.methods = c.methods[1:]
	}
	c.answer = answer
	return answer, nil
}

// part reads n bytes of the body, as soon as they are there.
func (c *connection) part(n int) (string, error) {
	if c.answer == nil {
		return "", errors.New("no head has been read on this connection")
	}
	c.SetReadDeadline(time.Now().Add(patience))
	var from io.Reader = c.answer.Body
	if c.answer.StatusCode == http.StatusSwitchingProtocols {
		from = c.read
	}
	block := make([]byte, n)
	n, err := io.ReadFull(from, block)
	return string(block[:n]), err
}

// rest reads the body to its end. torn says that the end is not the one that HTTP promised: a chunked body without
// its last chunk, or fewer bytes than Content-Length.
func (c *connection) rest() (body string, torn bool, err error) {
	if c.answer == nil {
		return "", false, errors.New("no head has been read on this connection")
	}
	c.SetReadDeadline(time.Now().Add(patience))
	text, err := io.ReadAll(c.answer.Body)
	if broken(err) {
		return string(text), true, nil
	}
	return string(text), false, err
}

// broken reports whether err says that the other side ended the connection where it must not.
func broken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) && !op.Timeout()
}

// closed reports whether the server ends the connection next, rather than sending something or waiting.
func (c *connection) closed() error {
	c.SetReadDeadline(time.Now().Add(patience))
	b, err := c.read.ReadByte()
	if err == nil {
		return fmt.Errorf("the connection goes on with %q", b)
	}
	if errors.Is(err, io.EOF) || broken(err) {
		return nil
	}
	return fmt.Errorf("the connection is still open: %w", err)
}

// reset closes the connection so that the server's next write fails, as when a browser is killed.
func (c *connection) reset() error {
	tcp := c.Conn
	if t, ok := tcp.(*tls.Conn); ok {
		tcp = t.NetConn()
	}
	tcp.(*net.TCPConn).SetLinger(0)
	return tcp.Close()
}

// shut ends the sending half of a connection: the body that was announced will not come.
func (c *connection) shut() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// render makes the text of a request section into bytes. It adds the protocol version, Host, Content-Length (or the
// chunks) where the text does not have them.
func render(text string, host string) ([]byte, error) {
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	lines[0] = letters.ReplaceAllStringFunc(lines[0], spell)
	if !strings.Contains(lines[0], " HTTP/") {
		lines[0] += " HTTP/1.1"
	}
	lines, err := pseudo(lines)
	if err != nil {
		return nil, err
	}
	encode, chunked := bodyBytes, strings.EqualFold(value(lines, "Transfer-Encoding"), "chunked")
	if chunked {
		encode = chunks
	}
	content, err := encode(strings.TrimRight(body, "\n"))
	if err != nil {
		return nil, err
	}
	if !has(lines, "Host") {
		lines = append(lines, "Host: "+host)
	}
	if !chunked && len(content) > 0 && !has(lines, "Content-Length") {
		lines = append(lines, "Content-Length: "+strconv.Itoa(len(content)))
	}
	return append([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), content...), nil
}

// rawPath names the field by which a stream learns a path that no URL has. It does not send that field.
const rawPath = "X-Raw-Path"

// letters stands for a long path in the first line of a request.
var letters = regexp.MustCompile(`\(\d+ letters\)`)

func spell(text string) string {
	var n int
	scan(text, "(%d letters)", &n)
	return strings.Repeat("x", n)
}

// pseudo replaces the lines in parentheses of a request: "(headers N)" is N header fields, "(header of N bytes)" is
// one of N bytes in all.
func pseudo(lines []string) ([]string, error) {
	var out []string
	for _, line := range lines {
		var n int
		switch {
		case !strings.HasPrefix(line, "("):
			out = append(out, line)
		case scan(line, "(headers %d)", &n):
			for i := range n {
				out = append(out, fmt.Sprintf("X-Header-%d: value %d", i, i))
			}
		case strings.HasPrefix(line, "(path /"):
			out = append(out, rawPath+": "+strings.TrimSuffix(strings.TrimPrefix(line, "(path "), ")"))
		case scan(line, "(header of %d bytes)", &n):
			out = append(out, "X-Long: "+strings.Repeat("x", n-len("X-Long: \r\n")))
		default:
			return nil, fmt.Errorf("%q is not known in a request", line)
		}
	}
	return out, nil
}

func scan(line, format string, n *int) bool {
	got, err := fmt.Sscanf(line, format, n)
	return got == 1 && err == nil
}

// has reports whether the header field is among the lines.
func has(lines []string, field string) bool {
	for _, line := range lines[1:] {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, field) {
			return true
		}
	}
	return false
}

// value is the value of a header field among the lines, "" without one.
func value(lines []string, field string) string {
	for _, line := range lines[1:] {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, field) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// bodyBytes resolves the escapes of a body; "(N bytes)" is a body of N bytes.
func bodyBytes(text string) ([]byte, error) {
	var n int
	if scan(text, "(%d bytes)", &n) {
		return bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n], nil
	}
	return unescape(text)
}

// unescape resolves \r, \n, \xff and the like, as in a Go string.
func unescape(text string) ([]byte, error) {
	quoted := `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(text) + `"`
	plain, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, fmt.Errorf("bad escape in %q", text)
	}
	return []byte(plain), nil
}

// chunks makes each line of text, without its end, one chunk, and adds the last chunk.
func chunks(text string) ([]byte, error) {
	var out bytes.Buffer
	for line := range strings.SplitSeq(text, "\n") {
		chunk, err := bodyBytes(line)
		if err != nil {
			return nil, err
		}
		if len(chunk) > 0 {
			fmt.Fprintf(&out, "%x\r\n%s\r\n", len(chunk), chunk)
		}
	}
	out.WriteString("0\r\n\r\n")
	return out.Bytes(), nil
}

// fields are the header fields of an answer as sorted lines.
func fields(answer *http.Response) []string {
	var lines []string
	for name, values := range answer.Header {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	if answer.Close && answer.ProtoAtLeast(1, 1) { // http.ReadResponse takes these two out of the header
		lines = append(lines, "Connection: close")
	}
	if answer.TransferEncoding != nil {
		lines = append(lines, "Transfer-Encoding: "+strings.Join(answer.TransferEncoding, ", "))
	}
	sort.Strings(lines)
	return lines
}
