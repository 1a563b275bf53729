package cgi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Bounds of the head of a response.
const (
	maxLine = 16 << 10 // bytes
	maxHead = 64 << 10
)

// A Response is the output of a program, understood (RFC 3875 section 6).
type Response struct {
	Status  int         // 200 to 999
	Reason  string      // for the status line; "": the usual one
	Header  http.Header // names are canonical, values without control characters; Status is not among them
	Local   string      // path and query of the same site that the client gets in the place of this response; "": it gets this one
	Dropped []string    // names of fields that are the server's business and were left out

	out  Output
	body *bufio.Reader
}

// ReadResponse reads the head of a response. An *Error says what is wrong with it; other errors are those of the Output. The Response
// reads the rest of the Output; Close remains the caller's.
func ReadResponse(out Output) (*Response, error) {
	r := &Response{Status: http.StatusOK, Header: http.Header{}, out: out, body: bufio.NewReaderSize(out, maxLine)}
	if err := r.readHead(); err != nil {
		return nil, err
	}
	return r, r.conclude()
}

// readHead reads lines until the empty one. They may end in LF alone, as those of nearly all programs do.
func (r *Response) readHead() error {
	for size := 0; ; {
		line, err := r.body.ReadSlice('\n')
		if err != nil {
			return headError(err, size+len(line) == 0)
		}
		if size += len(line); size > maxHead {
			return failed(fmt.Sprintf("Response header of the script too long: more than %d bytes", maxHead))
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		if text == "" {
			return nil
		}
		if err := r.addLine(text); err != nil {
			return err
		}
	}
}

// headError is why a head does not end, in Apache's words where it has some.
func headError(err error, nothing bool) error {
	var timeout net.Error
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return failed(fmt.Sprintf("Response header line of the script too long: more than %d bytes", maxLine))
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{http.StatusGatewayTimeout, "Script timed out before returning headers"}
	case err == io.EOF && nothing:
		return failed("End of script output before headers: it printed nothing")
	case err == io.EOF:
		return failed("End of script output before headers: there is no empty line after them")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{http.StatusBadGateway, "End of script output before headers: " + err.Error()}
	}
	return err
}

// addLine takes a header field.
func (r *Response) addLine(line string) error {
	name, value, ok := strings.Cut(line, ":")
	value = strings.Trim(value, " \t")
	if !ok || !isToken(name) || hasControl(value) {
		return failed(fmt.Sprintf("Malformed header from script: %.200q", line))
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Status":
		return r.setStatus(value)
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		r.Dropped = append(r.Dropped, name)
	case "Content-Type", "Content-Length", "Location": // the last one wins, as with Apache
		r.Header[name] = []string{value}
	default:
		r.Header[name] = append(r.Header[name], value)
	}
	return nil
}

// setStatus reads "404 Not Found" (RFC 3875 section 6.3.3).
func (r *Response) setStatus(value string) error {
	code, reason, _ := strings.Cut(value, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 200 {
		return failed(fmt.Sprintf("Malformed header from script: the status %.200q is no number from 200 to 999", value))
	}
	r.Status, r.Reason = status, reason
	return nil
}

// conclude finds out which kind of response the head makes (RFC 3875 section 6.2): a path alone is for the server, an address is a
// redirect for the client.
func (r *Response) conclude() error {
	if n := r.Header.Get("Content-Length"); n != "" {
		if _, err := strconv.ParseUint(n, 10, 63); err != nil {
			return failed(fmt.Sprintf("Malformed header from script: the Content-Length %.200q is no number", n))
		}
	}
	location := r.Header.Get("Location")
	switch {
	case location == "" || r.Status != http.StatusOK:
	case isLocal(location):
		r.Local = location
	default:
		r.Status, r.Reason = http.StatusFound, ""
	}
	return nil
}

// isLocal reports whether a Location is a path of the same site. "//host/" is not: it names a host; nor is one with a fragment, which
// is for the client.
func isLocal(location string) bool {
	if location[0] != '/' || strings.HasPrefix(location, "//") || strings.Contains(location, "#") {
		return false
	}
	_, err := url.ParseRequestURI(location)
	return err == nil
}

// Read implements io.Reader for the body.
func (r *Response) Read(p []byte) (int, error) { return r.body.Read(p) }

// Buffered is how many bytes may be read without waiting.
func (r *Response) Buffered() int { return r.body.Buffered() + r.out.Buffered() }

// isToken reports whether s can be the name of a field (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// hasControl reports whether s has a character that no field value may have (RFC 9110 section 5.5).
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}
