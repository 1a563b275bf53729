package integration

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// stream is one line of talk on an HTTP/2 or HTTP/3 connection: request after request, each on a stream of its own. What is
// sent has the form of HTTP/1 and is translated, so that a story need not know.
type stream struct {
	session *session
	sent    *pipe
	answers chan answered
	answer  *http.Response // whose body is being read
	ctx     context.Context
	cancel  context.CancelFunc // gives the request up that is under way
}

// answered is what became of a request.
type answered struct {
	response *http.Response
	err      error
}

func newStream(on *session) *stream {
	s := &stream{session: on, sent: newPipe(), answers: make(chan answered, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.translate()
	return s
}

// translate makes requests of what is sent, until the stream is closed.
func (s *stream) translate() {
	defer close(s.answers)
	sent := bufio.NewReader(s.sent)
	for {
		r, err := http.ReadRequest(sent)
		if err == nil && r.Header.Get("Upgrade") != "" {
			s.upgrade(r, sent)
			return
		}
		if err == nil {
			err = s.exchange(r)
		} else if !errors.Is(err, io.EOF) {
			s.answers <- answered{err: err}
		}
		if err != nil {
			return
		}
	}
}

// exchange sends a request, and returns when all of its body has been sent or refused: then the next one may follow.
func (s *stream) exchange(r *http.Request) error {
	r.RequestURI, r.URL.Host, r.URL.Scheme = "", r.Host, s.session.scheme
	if r.Header["User-Agent"] == nil {
		r.Header["User-Agent"] = nil // none, not Go's
	}
	if raw := r.Header.Get(rawPath); raw != "" {
		path, err := unescape(raw)
		if err != nil {
			return err
		}
		r.URL.Opaque = string(path)
		r.Header.Del(rawPath)
	}
	body := &lentBody{Reader: r.Body, returned: make(chan struct{})}
	if r.Body != http.NoBody {
		r.Body = body
	} else {
		body.Close()
	}
	response, err := s.session.RoundTrip(r.WithContext(s.ctx))
	s.answers <- answered{response, err}
	select {
	case <-body.returned:
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	_, err = io.Copy(io.Discard, body.Reader)
	return err
}

// upgrade makes an extended CONNECT of a request to upgrade. All that is sent afterwards is its body.
func (s *stream) upgrade(r *http.Request, sent io.Reader) {
	r.Method, r.Body, r.ContentLength = http.MethodConnect, io.NopCloser(sent), -1
	r.RequestURI, r.URL.Host, r.URL.Scheme = "", r.Host, s.session.scheme
	s.session.extend(r, r.Header.Get("Upgrade"))
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Key"} {
		r.Header.Del(name)
	}
	response, err := s.session.RoundTrip(r.WithContext(s.ctx))
	s.answers <- answered{response, err}
}

// lentBody is a request's body of which somebody says when he has no more use for it.
type lentBody struct {
	io.Reader
	returned chan struct{}
	once     sync.Once
}

func (b *lentBody) Close() error {
	b.once.Do(func() { close(b.returned) })
	return nil
}

func (s *stream) send(raw []byte) error {
	_, err := s.sent.Write(raw)
	return err
}

func (s *stream) head() (*http.Response, error) {
	select {
	case a := <-s.answers:
		if s.answer = a.response; a.err != nil || a.response == nil {
			return nil, fmt.Errorf("no response: %w", a.err)
		}
		return a.response, nil
	case <-time.After(patience):
		return nil, errors.New("no response")
	}
}

func (s *stream) part(n int) (string, error) {
	if s.answer == nil {
		return "", errors.New("no head has been read on this stream")
	}
	defer time.AfterFunc(patience, s.cancel).Stop()
	block := make([]byte, n)
	n, err := io.ReadFull(s.answer.Body, block)
	return string(block[:n]), err
}

// rest reads the body to its end. torn says that the server has reset the stream, or ended the connection.
func (s *stream) rest() (body string, torn bool, err error) {
	if s.answer == nil {
		return "", false, errors.New("no head has been read on this stream")
	}
	defer time.AfterFunc(patience, s.cancel).Stop()
	text, err := io.ReadAll(s.answer.Body)
	if err != nil && !errors.Is(err, context.Canceled) {
		return string(text), true, nil
	}
	return string(text), false, err
}

// closed reports whether the server ends the connection: this is about all of its streams.
func (s *stream) closed() error {
	return retry(func() error {
		if s.session.ended() {
			return nil
		}
		return errors.New("the connection is still open")
	})
}

// Close gives up what is under way. The connection remains for the other streams.
func (s *stream) Close() error {
	s.cancel()
	return s.sent.Close()
}

func (s *stream) reset() error { return s.Close() }

// shut ends what is sent; the server learns by a reset that a body is not complete.
func (s *stream) shut() error { return s.sent.Close() }

// pipe is an io.Pipe whose writer never waits.
type pipe struct {
	mu     sync.Mutex
	change *sync.Cond
	text   bytes.Buffer
	closed bool
}

func newPipe() *pipe {
	p := new(pipe)
	p.change = sync.NewCond(&p.mu)
	return p
}

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change.Broadcast()
	return p.text.Write(b)
}

func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.text.Len() == 0 && !p.closed {
		p.change.Wait()
	}
	return p.text.Read(b)
}

func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.change.Broadcast()
	return nil
}
