package proxy

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A ClientTunnel is what carries a WebSocket on the client's side. One goroutine may read and another write.
type ClientTunnel interface {
	io.ReadWriter
	Stop() // makes reads fail, also one that another goroutine waits in; any goroutine may call it
}

// upgrade asks the backend for WebSocket, if the client has asked for it, and for nothing else: what a client might upgrade to
// besides, such as HTTP/2, would lead past everything that decides about requests.
//
// An extended CONNECT of HTTP/2 or HTTP/3 (RFC 8441 section 5, RFC 9220) becomes the handshake of HTTP/1.1, whose key
// it does not have.
func (p *passage) upgrade(out *http.Request) {
	h := out.Header
	delete(h, "Connection")
	delete(h, "Upgrade")
	if !p.from.Tunnel {
		return
	}
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	if out.Method == http.MethodConnect {
		out.Method, out.Body, out.ContentLength = http.MethodGet, nil, 0
		h.Set("Sec-Websocket-Key", newKey())
	}
}

// newKey is a nonce of RFC 6455 section 4.1.
func newKey() string {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // it does not fail
	return base64.StdEncoding.EncodeToString(nonce[:])
}

// acceptance is the answer to a key, RFC 6455 section 4.2.2.
func acceptance(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// tunnel connects client and backend after its 101, until one of them is through.
func (p *passage) tunnel(out *http.Request) *Failure {
	res := p.switched
	server, ok := res.Body.(io.ReadWriteCloser)
	if !ok || !p.from.Tunnel || !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
		res.Body.Close()
		return &Failure{Status: http.StatusBadGateway, Reason: "it has not answered as HTTP says", Err: errUnasked}
	}
	defer server.Close()
	if err := checkAcceptance(out, res); err != nil {
		return &Failure{Status: http.StatusBadGateway, Reason: "it has not answered as WebSocket says", Err: err}
	}
	p.agree(out, res.Header)
	client, err := p.client.Tunnel()
	if err != nil {
		return blame("the client has left", err)
	}
	connect(out.Context(), client, server, p.backend.timeout)
	return nil
}

var (
	errUnasked  = errors.New("101 Switching Protocols to something that was not asked for")
	errNoAccept = errors.New("Sec-WebSocket-Accept is not the answer to Sec-WebSocket-Key")
)

// checkAcceptance looks at the answer to a key of ours. To that of a client it is for the client to look.
func checkAcceptance(out *http.Request, res *http.Response) error {
	if out.ProtoMajor > 1 && res.Header.Get("Sec-Websocket-Accept") != acceptance(out.Header.Get("Sec-Websocket-Key")) {
		return errNoAccept
	}
	return nil
}

// agree passes on what the backend has said to the handshake. What HTTP/1.1 says of the connection is set anew; HTTP/2 has
// nothing of that, and no key that Sec-WebSocket-Accept could be the answer to (RFC 8441 section 5).
func (p *passage) agree(out *http.Request, from http.Header) {
	p.backend.reverse(from, p.from)
	to := p.client.Header()
	maps.Copy(to, from)
	for _, name := range []string{"Keep-Alive", "Transfer-Encoding", "Trailer", "Content-Length", "Content-Type"} {
		delete(to, name)
	}
	to.Set("Connection", "Upgrade")
	if out.ProtoMajor > 1 {
		delete(to, "Sec-Websocket-Accept")
	}
}

// connect copies both ways. It ends when the backend is through; when the client is and the backend has nothing to add; when
// ctx ends; or when neither has said anything for as long as idle.
func connect(ctx context.Context, client ClientTunnel, server io.ReadWriteCloser, idle time.Duration) {
	t := &tunnel{client: client, server: server}
	t.timer = time.AfterFunc(idle, t.end)
	spoken := func() { t.timer.Reset(idle) }
	defer t.close()
	defer context.AfterFunc(ctx, t.end)()

	var up sync.WaitGroup
	up.Go(func() {
		if pump(server, client, spoken) != nil || t.closeWrite() != nil {
			server.Close()
		}
	})
	_ = pump(client, server, spoken) // one end of a tunnel is as good as another
	t.end()
	up.Wait()
}

// A tunnel is both sides of one.
type tunnel struct {
	client ClientTunnel
	server io.ReadWriteCloser
	timer  *time.Timer

	mu   sync.Mutex
	over bool // the client's side belongs to the server again
}

// end makes both directions end. Any goroutine may call it.
func (t *tunnel) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.client.Stop()
		t.server.Close()
	}
}

// closeWrite tells the backend that the client says no more.
func (t *tunnel) closeWrite() error {
	if cw, ok := t.server.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return http.ErrNotSupported
}

// close lets go of both sides, which nobody uses any more but perhaps end.
func (t *tunnel) close() {
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

// pump copies until src ends, which is no error.
func pump(dst io.Writer, src io.Reader, spoken func()) error {
	buffer := make([]byte, 4096) // messages of WebSockets are small, and tunnels many
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			spoken()
			if _, err := dst.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
