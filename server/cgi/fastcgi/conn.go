package fastcgi

import (
	"bufio"
	"context"
	"io"
	"net"
	"syscall"
	"time"
)

// A conn is a connection to the application. One goroutine at a time uses it, and one more that sends a body.
type conn struct {
	net.Conn
	r       *bufio.Reader
	timeout time.Duration // for the application to send or take some more
}

// readSize is that of the buffer for records. PHP sends its output in pieces of 8 KB at most.
const readSize = 16 << 10

func newConn(c net.Conn, timeout time.Duration) *conn {
	made := &conn{Conn: c, timeout: timeout}
	made.r = bufio.NewReaderSize(impatient{made}, readSize)
	return made
}

// impatient reads from the connection, each time no longer than the timeout.
type impatient struct{ *conn }

func (i impatient) Read(p []byte) (int, error) {
	if err := i.SetReadDeadline(time.Now().Add(i.timeout)); err != nil {
		return 0, err
	}
	return i.Conn.Read(p)
}

// Write implements io.Writer, with the timeout.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// isAlive reports whether the application has neither closed an idle connection nor sent what nobody asked for.
func (c *conn) isAlive() bool {
	s, ok := c.Conn.(syscall.Conn)
	if !ok || c.r.Buffered() > 0 {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = err == syscall.EAGAIN
	})
	return err == nil && alive
}

// send sends a request, its body excepted. The rest is for sendBody.
func (c *conn) send(r *Request) error {
	b := appendParams(appendBegin(nil), r.Environ)
	if r.Body == nil {
		b = appendRecord(b, stdin, nil)
	}
	_, err := c.Write(b)
	return err
}

// sendBody sends the body and its end. An error of the connection is not told here: the response says what became of it.
func (c *conn) sendBody(body io.Reader) error {
	buffer := make([]byte, headerSize+32<<10)
	for {
		n, err := body.Read(buffer[headerSize:])
		if n > 0 {
			appendRecord(buffer[:0], stdin, buffer[headerSize:headerSize+n])
			if _, err := c.Write(buffer[:headerSize+n]); err != nil {
				return nil
			}
		}
		if err == io.EOF {
			_, _ = c.Write(appendRecord(nil, stdin, nil))
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// closeWith has the connection closed when ctx ends. The function that it returns takes that back.
func (c *conn) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.Close() })
}
