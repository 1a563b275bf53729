package integration

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// backends are what gild passes requests on to in a story: the story plays them itself, byte by byte. It listens on a
// port, on another with TLS, and on a Unix socket; connections are taken in the order in which they come. Those with TLS show
// the certificate of the section "certificate tlsbackend".
type backends struct {
	listeners   map[string]net.Listener // by what a connection's name begins with: "", "tls" or "unix"
	connections map[string]*backend
}

// backend is one connection of gild to the backend.
type backend struct {
	*connection
	asked *http.Request
}

// openBackends opens what the command line names: $BACKEND, $TLSBACKEND and $DIR/backend. It returns what stands for them.
func (s *story) openBackends(args []string) (*strings.Replacer, error) {
	s.backends.listeners, s.backends.connections = map[string]net.Listener{}, map[string]*backend{}
	var pairs []string
	for _, place := range []struct{ kind, word, network, address string }{
		{"tls", "$TLSBACKEND", "tcp", "127.0.0.1:0"},
		{"unix", "$DIR/backend", "unix", filepath.Join(s.dir, "backend")},
		{"", "$BACKEND", "tcp", "127.0.0.1:0"},
	} {
		if !strings.Contains(strings.Join(args, " "), place.word) {
			continue
		}
		l, err := net.Listen(place.network, place.address)
		if err != nil {
			return nil, err
		}
		s.t.Cleanup(func() { l.Close() })
		s.backends.listeners[place.kind] = l
		if place.network == "tcp" {
			port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
			s.known[strings.ToLower(place.word[1:])] = port
			pairs = append(pairs, place.word, port)
		}
	}
	return strings.NewReplacer(pairs...), nil
}

// backend is the connection of that name, which is the next to come when the name is new.
func (s *story) backend(name string) (*backend, error) {
	if b := s.backends.connections[name]; b != nil {
		return b, nil
	}
	kind, _, named := strings.Cut(name, ":")
	if !named {
		kind = ""
	}
	l := s.backends.listeners[kind]
	if l == nil {
		return nil, fmt.Errorf("there is no such backend on the command line")
	}
	_ = l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(patience))
	c, err := l.Accept()
	if err != nil {
		return nil, fmt.Errorf("gild has not connected to the backend: %w", err)
	}
	if kind == "tls" {
		certificate, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "tlsbackend.crt"), filepath.Join(s.dir, "tlsbackend.key"))
		if err != nil {
			return nil, err
		}
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	b := &backend{connection: converse(c)}
	s.backends.connections[name] = b
	s.t.Cleanup(func() { c.Close() })
	return b, nil
}

// askedBackend reads the head of a request and compares it: the request line, and fields as in an answer.
func (s *story) askedBackend(name string, section *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	want, err := expected(string(section.Data))
	if err != nil {
		return err
	}
	got, err := b.request()
	if err != nil {
		return err
	}
	if want.body == "" && strings.Contains(want.status, " ") {
		return s.compare(section, want, got)
	}
	if got.body, got.torn, err = b.given(); err != nil {
		return err
	}
	return s.compare(section, want, got)
}

// request reads the head of one.
func (b *backend) request() (got answer, err error) {
	b.SetReadDeadline(time.Now().Add(patience))
	if b.asked != nil {
		_, _ = io.Copy(io.Discard, b.asked.Body) // what is wrong with it shows in what follows
	}
	if b.asked, err = http.ReadRequest(b.read); err != nil {
		return got, fmt.Errorf("the backend has got no request: %w", err)
	}
	got.status = b.asked.Method + " " + b.asked.RequestURI + " " + b.asked.Proto
	got.fields = fields(&http.Response{Header: b.asked.Header, TransferEncoding: b.asked.TransferEncoding})
	got.fields = append(got.fields, "Host: "+b.asked.Host)
	if b.asked.ContentLength > 0 {
		got.fields = append(got.fields, "Content-Length: "+strconv.FormatInt(b.asked.ContentLength, 10))
	}
	return got, nil
}

// given reads the body of a request to its end, and its trailers.
func (b *backend) given() (body string, torn bool, err error) {
	b.SetReadDeadline(time.Now().Add(patience))
	text, err := io.ReadAll(b.asked.Body)
	if broken(err) {
		return string(text), true, nil
	}
	for name, values := range b.asked.Trailer {
		text = append(text, ("\n" + name + ": " + strings.Join(values, ", "))...)
	}
	return strings.TrimRight(string(text), "\n"), false, err
}

// gotBackend reads exactly these bytes of the request's body, or of what follows an upgrade.
func (s *story) gotBackend(name string, section *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	want, err := unescape(strings.TrimRight(string(section.Data), "\n"))
	if err != nil {
		return err
	}
	var from io.Reader = b.read
	if b.asked != nil && b.asked.Header.Get("Upgrade") == "" {
		from = b.asked.Body
	}
	b.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	n, err := io.ReadFull(from, got)
	if err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("the backend has got %q, %v, want %q", got[:n], err, want)
	}
	return nil
}

// answerBackend sends what the section has: a head in the form of HTTP, whose lines get their ends, an empty line, and a body as
// it stands, escapes resolved.
func (s *story) answerBackend(name string, section *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	text, err := s.known.expand(string(section.Data))
	if err != nil {
		return err
	}
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.TrimRight(head, "\n")
	content, err := bodyBytes(strings.TrimRight(body, "\n"))
	if err != nil {
		return err
	}
	if b.asked != nil && strings.HasPrefix(head, "HTTP/1.1 101") {
		head += "\nSec-WebSocket-Accept: " + accept(b.asked.Header.Get("Sec-Websocket-Key"))
	}
	head = strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n"
	return b.send(append([]byte(head), content...))
}

// sayBackend sends raw bytes: the lines joined, escapes resolved.
func (s *story) sayBackend(name string, section *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	raw, err := unescape(strings.ReplaceAll(string(section.Data), "\n", ""))
	if err != nil {
		return err
	}
	return b.send(raw)
}

// leftBackend waits for gild to end the connection, whatever it says before.
func (s *story) leftBackend(name string, _ *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	b.SetReadDeadline(time.Now().Add(patience))
	_, err = io.Copy(io.Discard, b.read)
	if err != nil && !broken(err) {
		return fmt.Errorf("gild has not left the backend: %w", err)
	}
	return nil
}

// leaveBackend ends the connection.
func (s *story) leaveBackend(name string, _ *txtar.File) error {
	b, err := s.backend(name)
	if err != nil {
		return err
	}
	err = b.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept is the answer to a Sec-WebSocket-Key, RFC 6455 section 4.2.2.
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
