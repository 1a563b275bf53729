package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"gild/logs"
)

// Locks belong to processes, so that sharing a socket takes several. A sharer is the test binary, started again: a
// server with HTTP/3 on a socket it has inherited. It serves its process ID at / and an echo at /echo; a line on its
// standard input is a command.

// sharerVariable makes the test binary a sharer. Its value is the file with the certificate and the key.
const sharerVariable = "GILD_TEST_SHARER"

// sharerMain is a sharer. It says "ready", and after the command "drain" "drained".
func sharerMain() int {
	s, err := newSharer(os.Getenv(sharerVariable))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go func() { _ = s.Serve() }()
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := s.Drain(context.Background()); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("drained")
	}
	return 0
}

func newSharer(identity string) (*Server, error) {
	text, err := os.ReadFile(identity)
	if err != nil {
		return nil, err
	}
	config, err := quicTLS(text, text)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range PacketShareFiles {
		files = append(files, os.NewFile(uintptr(4+i), "share"))
	}
	share, err := OpenPacketShare(os.NewFile(3, "udp"), files)
	if err != nil {
		return nil, err
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return New(Options{
		Listeners: []Listener{{Socket: tcp}},
		Handler:   http.HandlerFunc(sharerHandler),
		ErrorLog:  stderrLog{},
		QUIC:      &QUIC{Share: share, TLS: config, ResetKey: [32]byte{1}, TokenKey: [32]byte{2}},
	}), nil
}

func sharerHandler(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/echo" {
		_, _ = io.WriteString(w, strconv.Itoa(os.Getpid()))
		return
	}
	buf := make([]byte, 1024)
	for {
		n, err := r.Body.Read(buf)
		_, _ = w.Write(buf[:n])
		From(w).Flush()
		if err != nil {
			return
		}
	}
}

// A stderrLog shows what a sharer has to complain about in the output of the test.
type stderrLog struct{}

func (stderrLog) Enabled(level logs.Level) bool { return level <= logs.Warn }
func (stderrLog) Log(r logs.Record)             { fmt.Fprintln(os.Stderr, r.Level, r.Message) }

// A sharing is a socket and the processes that share it.
type sharing struct {
	udp      *net.UDPConn
	files    []*os.File
	identity string
	tls      *tls.Config
}

func newSharing(t *testing.T, address string) *sharing {
	t.Helper()
	certificate, key := quicIdentity(t)
	s := &sharing{identity: t.TempDir() + "/identity.pem", tls: h3ClientTLS(certificate)}
	s.udp, s.files = shareSocket(t, address)
	t.Cleanup(func() { closeFiles(s.files) })
	if err := os.WriteFile(s.identity, append(certificate, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// client is a client with connections of its own.
func (s *sharing) client(t *testing.T) *http.Client {
	h3 := &http3.Transport{TLSClientConfig: s.tls}
	h3.Dial = func(ctx context.Context, address string, config *tls.Config, quicConfig *quic.Config) (*quic.Conn, error) {
		c, err := net.Dial("udp", address)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { c.Close() })
		return quic.DialEarly(ctx, connectedSocket{c.(*net.UDPConn)}, c.RemoteAddr(), config, quicConfig)
	}
	t.Cleanup(func() { h3.Close() })
	return &http.Client{Transport: h3, Timeout: 20 * time.Second}
}

// A connectedSocket receives from one address only, unlike the sockets that quic-go opens.
type connectedSocket struct{ net.PacketConn }

func (s connectedSocket) WriteTo(p []byte, _ net.Addr) (int, error) {
	return s.PacketConn.(*net.UDPConn).Write(p)
}

func (s connectedSocket) SetReadBuffer(int) error  { return nil } // or quic-go complains
func (s connectedSocket) SetWriteBuffer(int) error { return nil }

// url is one of the server, under a host.
func (s *sharing) url(host, path string) string {
	return "https://" + net.JoinHostPort(host, strconv.Itoa(s.udp.LocalAddr().(*net.UDPAddr).Port)) + path
}

// A sharer is such a process.
type sharer struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (s *sharing) start(t *testing.T) *sharer {
	t.Helper()
	p := &sharer{Cmd: exec.Command(os.Args[0])}
	p.Env = append(os.Environ(), sharerVariable+"="+s.identity)
	p.Stderr = os.Stderr
	udp := socketFile(t, s.udp)
	defer udp.Close()
	p.ExtraFiles = append([]*os.File{udp}, s.files...)
	p.in, _ = p.StdinPipe()
	out, _ := p.StdoutPipe()
	p.out = bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	p.expect(t, "ready")
	return p
}

// expect waits for a line.
func (p *sharer) expect(t *testing.T, want string) {
	t.Helper()
	if !p.out.Scan() || p.out.Text() != want {
		t.Fatalf("the process said %q, not %q", p.out.Text(), want)
	}
}

func (p *sharer) drain(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(p.in, "drain\n"); err != nil {
		t.Fatal(err)
	}
}

// end kills the process, once.
func (p *sharer) end() {
	if p.ProcessState == nil {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
}

// ask returns the ID of the process that answers.
func ask(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func (p *sharer) pid() string { return strconv.Itoa(p.Process.Pid) }

// TestShareHandsOver: while one process takes the socket over from another no request is lost, and one that takes long
// is finished by who has begun it. The socket is bound to every address, and the client uses one that is not the first
// choice of the kernel: answers have to come from there.
func TestShareHandsOver(t *testing.T) {
	for _, c := range []struct{ bound, host string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.2"},
		{"[::]:0", "127.0.0.2"},
		{"[::]:0", "::1"},
	} {
		t.Run(c.bound+" "+c.host, func(t *testing.T) { handOver(t, newSharing(t, c.bound), c.host) })
	}
}

func handOver(t *testing.T, s *sharing, host string) {
	first := s.start(t)
	if pid, err := ask(s.client(t), s.url(host, "/")); err != nil || pid != first.pid() {
		t.Fatalf("process %s answers, error %v; want %s", pid, err, first.pid())
	}
	long := s.begin(t, host)
	long.say(t)
	second := s.start(t)
	stop, done := make(chan struct{}), make(chan error, 4)
	for i := range cap(done) {
		h3 := s.client(t)
		before := func() {}
		if i%2 == 1 { // these connect for each request, in two packets, of which each process may get one
			before = h3.CloseIdleConnections
		}
		go func() { done <- askUntil(h3, s.url(host, "/"), second.pid(), before, stop) }()
	}
	first.drain(t)
	for i := range 50 {
		if i == 25 {
			close(stop) // by now the second one has the socket
		}
		long.say(t)
		time.Sleep(20 * time.Millisecond)
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	long.end(t)
	first.expect(t, "drained")
	if pid, err := ask(s.client(t), s.url(host, "/")); err != nil || pid != second.pid() {
		t.Errorf("in the end process %s answers, error %v; want %s", pid, err, second.pid())
	}
}

// askUntil sends requests, with a call of before each, until stop is closed and a process has answered, and fails with
// the first that fails.
func askUntil(client *http.Client, url, last string, before func(), stop chan struct{}) error {
	for {
		before()
		pid, err := ask(client, url)
		if err != nil {
			return err
		}
		select {
		case <-stop:
			if pid == last {
				return nil
			}
		default:
		}
	}
}

// A conversation is a request whose body goes on while its response is read.
type conversation struct {
	out  *io.PipeWriter
	resp *http.Response
}

func (s *sharing) begin(t *testing.T, host string) *conversation {
	t.Helper()
	in, out := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, s.url(host, "/echo"), in)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(out, "hello") }()
	resp, err := s.client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	c := &conversation{out, resp}
	c.hear(t)
	return c
}

func (c *conversation) say(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.out, "hello"); err != nil {
		t.Fatal(err)
	}
	c.hear(t)
}

func (c *conversation) hear(t *testing.T) {
	t.Helper()
	buf := make([]byte, len("hello"))
	if _, err := io.ReadFull(c.resp.Body, buf); err != nil || string(buf) != "hello" {
		t.Fatalf("heard %q, error %v", buf, err)
	}
}

func (c *conversation) end(t *testing.T) {
	t.Helper()
	c.out.Close()
	if rest, err := io.ReadAll(c.resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("in the end heard %q, error %v", rest, err)
	}
	c.resp.Body.Close()
}

// TestShareTakesBack: a process that drains reads the socket again if the one that it was handed over to dies, and as
// long as nobody else wants it.
func TestShareTakesBack(t *testing.T) {
	s := newSharing(t, "127.0.0.1:0")
	first := s.start(t)
	long := s.begin(t, "127.0.0.1")
	second := s.start(t)
	first.drain(t)
	s.await(t, second)
	long.say(t)
	second.end()
	long.say(t)
	third := s.start(t)
	s.await(t, third)
	long.say(t)
	long.end(t)
	first.expect(t, "drained")
}

// TestShareWaitsForTag: as many processes can have connections as there are tags, all through one socket, and one more
// serves when the first of them has ended.
func TestShareWaitsForTag(t *testing.T) {
	s := newSharing(t, "127.0.0.1:0")
	var talks []*conversation
	last := s.start(t)
	first := last
	for range shareTags {
		s.await(t, last)
		talks = append(talks, s.begin(t, "127.0.0.1"))
		next := s.start(t)
		last.drain(t)
		last = next
	}
	time.Sleep(300 * time.Millisecond) // the last one mostly finds now that there is no tag
	for _, c := range talks {
		c.say(t)
	}
	talks[0].end(t)
	first.expect(t, "drained")
	first.end()
	s.await(t, last)
	for _, c := range talks[1:] {
		c.say(t)
		c.end(t)
	}
}

// await waits until a process answers new clients. Those that come while nobody serves may be refused.
func (s *sharing) await(t *testing.T, p *sharer) {
	t.Helper()
	for range 500 {
		if pid, err := ask(s.client(t), s.url("127.0.0.1", "/")); err == nil && pid == p.pid() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("process %s does not answer", p.pid())
}

// TestShareReset: a client whose server has died is told so by the next one, instead of waiting until it gives up, and
// what was given to it by the first is good for the next one: its ticket, and the token for its address.
func TestShareReset(t *testing.T) {
	s := newSharing(t, "127.0.0.1:0")
	first := s.start(t)
	config := s.tls.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	address := s.udp.LocalAddr().String()
	conn, err := quic.DialAddr(t.Context(), address, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	h3 := (&http3.Transport{}).NewClientConn(conn)
	req := httptest.NewRequest("GET", "https://"+address+"/", nil)
	resp, err := h3.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	first.end()
	second := s.start(t)
	_, err = h3.RoundTrip(req)
	var reset *quic.StatelessResetError
	if !errors.As(err, &reset) {
		t.Errorf("error %v, want a stateless reset", err)
	}
	pid, err := ask(s.client(t), s.url("127.0.0.1", "/"))
	if err != nil || pid != second.pid() {
		t.Errorf("process %s answers, error %v; want %s", pid, err, second.pid())
	}
}
