package cgi

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
)

// How far output is read ahead of the client, in bytes: of one response, and of all together. The least is read however much the others
// have, so that none stands still.
const (
	leastAhead = 64 << 10
	mostAhead  = 1 << 20
	allAhead   = 64 << 20
)

// An ahead is an Output that is read before it is asked for, so that the process that prints it is free for the next request although
// the client takes its time. It ends the other Output as soon as that has ended.
type ahead struct {
	out    Output
	cancel context.CancelFunc // ends a Read of out
	all    *atomic.Int64      // bytes that are held by all
	done   chan struct{}      // closed when out is not used any more

	mu      sync.Mutex
	changed *sync.Cond
	held    bytes.Buffer
	err     error // what comes after that; nil: more, or it is not known yet
	closed  bool
}

// readAhead begins to read. The Output is its own from then on.
func readAhead(out Output, cancel context.CancelFunc, all *atomic.Int64) *ahead {
	a := &ahead{out: out, cancel: cancel, all: all, done: make(chan struct{})}
	a.changed = sync.NewCond(&a.mu)
	go a.fetch()
	return a
}

// fetch reads all there is.
func (a *ahead) fetch() {
	defer close(a.done)
	defer a.out.Close()
	piece := make([]byte, 16<<10)
	for {
		n, err := a.out.Read(piece)
		more := err == nil && a.out.Buffered() > 0
		if err != nil {
			_ = a.out.Close() // its process is free before the client has the rest
		}
		if !a.put(piece[:n], err, more) {
			return
		}
	}
}

// put holds a piece, and waits for room for another one. If more follows at once, it is not worth waking the reader. It reports false
// when there is nothing more to put.
func (a *ahead) put(piece []byte, err error, more bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held.Write(piece)
	a.all.Add(int64(len(piece)))
	a.err = err
	full := a.isFull()
	if !more || full {
		a.changed.Broadcast()
	}
	for a.isFull() && err == nil && !a.closed {
		a.changed.Wait()
	}
	return err == nil && !a.closed
}

// isFull reports whether no more may be held. The caller holds the lock.
func (a *ahead) isFull() bool {
	n := a.held.Len()
	return n >= mostAhead || n >= leastAhead && a.all.Load() >= allAhead
}

// Read implements Output.
func (a *ahead) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.held.Len() == 0 && a.err == nil {
		a.changed.Wait()
	}
	if a.held.Len() == 0 {
		return 0, a.err
	}
	n, _ := a.held.Read(p) // it is not empty
	a.all.Add(-int64(n))
	a.changed.Broadcast()
	return n, nil
}

// Buffered implements Output: the end counts as something that is here.
func (a *ahead) Buffered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.held.Len() + 1
	}
	return a.held.Len()
}

// Close implements Output.
func (a *ahead) Close() error {
	a.mu.Lock()
	a.closed = true
	a.changed.Broadcast()
	a.mu.Unlock()
	a.cancel() // of no effect once out is closed
	<-a.done
	a.all.Add(-int64(a.held.Len()))
	a.held.Reset()
	return nil
}
