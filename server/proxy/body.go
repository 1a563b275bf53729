package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An upload is the body of a request, which http.Transport reads in a goroutine of its own, perhaps for longer than the
// handler runs: a backend may answer without having read all. After stop nothing of the request is touched any more.
type upload struct {
	body    io.Reader
	in, out *http.Request // the client's, and the backend's, which gets the trailers

	mu      sync.Mutex // held while something is read
	stopped atomic.Bool
	err     error // why reading failed
}

var errStopped = errors.New("the exchange is over")

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.stopped.Load() {
		return 0, errStopped
	}
	n, err := u.body.Read(p)
	switch {
	case err == io.EOF && u.out != nil:
		for name := range u.out.Trailer { // others were not announced, or are not for the backend
			u.out.Trailer[name] = u.in.Trailer[name]
		}
	case err != nil && err != io.EOF:
		u.err = err
	}
	return n, err
}

// Close implements io.Closer. The body belongs to the server, so nothing is done to it.
func (u *upload) Close() error { return nil }

// stop returns when no read is under way and none will be. interrupt is called when one is.
func (u *upload) stop(interrupt func()) {
	u.stopped.Store(true)
	if !u.mu.TryLock() {
		interrupt()
		u.mu.Lock()
	}
	u.mu.Unlock()
}

// failed is why the client's body could not be read, nil if that is not so, or there is none.
func (u *upload) failed() error {
	if u == nil || !u.mu.TryLock() {
		return nil
	}
	defer u.mu.Unlock()
	return u.err
}

// A download is the body of a response. It notes how reading ended, and does not wait for ever.
type download struct {
	io.ReadCloser
	timeout time.Duration
	cancel  context.CancelFunc

	late  atomic.Bool // the backend has sent nothing for as long as the timeout
	whole bool        // all of it was read
	err   error       // why reading failed
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	timer := time.AfterFunc(d.timeout, func() {
		d.late.Store(true)
		d.cancel()
	})
	n, err := d.ReadCloser.Read(p)
	timer.Stop()
	switch {
	case err == io.EOF:
		d.whole = true
	case err != nil:
		d.err = err
	}
	return n, err
}
