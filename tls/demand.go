package tls

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gild/logs"
)

// errRefused is in the chain of every refusal of a name.
var errRefused = errors.New("there is no certificate for this name")

// Limits of certificates on demand. Whoever can open a connection can ask for any name.
const (
	maxNotes    = 4096   // names of which something is remembered
	maxPermits  = 4      // calls of the script at a time
	maxAsking   = 256    // those that wait for one
	maxOrders   = 8      // orders at a time
	maxDemanded = 10_000 // certificates in memory; others are read again when they are asked for

	answerLife  = time.Minute   // how long an answer of the script is remembered
	longFailure = 6 * time.Hour // for which a name is left alone after many failures
)

// demand decides for which further names certificates are obtained when somebody asks for them. Its methods may be called
// from any goroutine.
type demand struct {
	permit func(ctx context.Context, name string) error
	log    logs.Logger
	life   time.Duration // of answers, and of the first failure; failures double it
	calls  chan struct{}
	asking chan struct{}
	orders chan struct{}

	answers  notes[error]   // of the script; nil: permitted
	failures notes[failure] // of orders
}

// failure is why a name that is permitted got no certificate.
type failure struct {
	reason error
	pause  time.Duration // for which it is left alone
}

func newDemand(permit func(context.Context, string) error, log logs.Logger, life time.Duration) *demand {
	return &demand{
		permit: permit, log: log, life: life,
		calls: make(chan struct{}, maxPermits), asking: make(chan struct{}, maxAsking), orders: make(chan struct{}, maxOrders),
	}
}

// allow says whether a certificate may be obtained now. A refusal has errRefused in its chain.
func (d *demand) allow(ctx context.Context, name string) error {
	if err := d.known(name); err != nil {
		return err
	}
	return d.permitted(ctx, name)
}

// known is the refusal that can be told without asking anybody; nil: there is none.
func (d *demand) known(name string) error {
	if f, ok := d.failures.get(name); ok {
		return fmt.Errorf("%w: %w", errRefused, f.reason)
	}
	if answer, ok := d.answers.get(name); ok {
		return answer
	}
	return nil
}

// permitted asks the script whether the name is one of the site's, unless the answer is remembered, so that a flood of
// handshakes costs one call for each name and minute. A name that no authority issues for is refused unasked.
func (d *demand) permitted(ctx context.Context, name string) error {
	if !strings.Contains(name, ".") || !validHost(name) || isLocal(name) {
		return fmt.Errorf("%w: %.255q is not of the public DNS", errRefused, name)
	}
	if answer, ok := d.answers.get(name); ok {
		return answer
	}
	select {
	case d.asking <- struct{}{}:
		defer func() { <-d.asking }()
	default:
		return fmt.Errorf("%w: too many names wait for permission", errRefused)
	}
	return d.ask(ctx, name)
}

// ask calls the script, when it is this call's turn.
func (d *demand) ask(ctx context.Context, name string) error {
	select {
	case d.calls <- struct{}{}:
		defer func() { <-d.calls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if answer, ok := d.answers.get(name); ok {
		return answer // to somebody who was before us
	}
	err := d.permit(ctx, name)
	if ctx.Err() != nil {
		return ctx.Err() // which says nothing about the name
	}
	if err != nil {
		logs.Printf(d.log, logs.Info, module, "no certificate for %s: %v", name, err)
		err = fmt.Errorf("%w: %w", errRefused, err)
	}
	d.answers.put(name, err, d.life)
	return err
}

// failed notes that a permitted name could not get a certificate. It is not tried again for a time that doubles with
// each failure: authorities count them, and a name that points elsewhere is not ours to insist on.
func (d *demand) failed(name string, reason error) {
	pause := d.life
	if former, ok := d.failures.past(name); ok {
		pause = min(2*former.pause, longFailure)
	}
	d.failures.put(name, failure{reason, pause}, pause)
}

// until is when a name that could not get a certificate is tried again, if a client asks for it; zero: it is not left alone.
func (d *demand) until(name string) time.Time { return d.failures.end(name) }

// order waits until there may be one more order, and returns what ends it.
func (d *demand) order(ctx context.Context) (end func(), err error) {
	select {
	case d.orders <- struct{}{}:
		return func() { <-d.orders }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isLocal says whether name can only mean this machine (RFC 6761, section 6.3).
func isLocal(name string) bool { return name == "localhost" || strings.HasSuffix(name, ".localhost") }

// notes are what is remembered of names for a while, of at most maxNotes of them. The zero value is empty.
type notes[V any] struct {
	mu  sync.Mutex
	all map[string]note[V]
}

type note[V any] struct {
	value V
	until time.Time
}

// get returns what holds now.
func (n *notes[V]) get(name string) (value V, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found, ok := n.all[name]; ok && time.Now().Before(found.until) {
		return found.value, true
	}
	return value, false
}

// past returns what was noted last, also if it does not hold any more.
func (n *notes[V]) past(name string) (value V, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	found, ok := n.all[name]
	return found.value, ok
}

// end is until when the last note about a name holds, or held; zero: there is none.
func (n *notes[V]) end(name string) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[name].until
}

// put notes a value that holds for d.
func (n *notes[V]) put(name string, value V, d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]note[V]{}
	}
	if _, known := n.all[name]; !known {
		n.makeRoom()
	}
	n.all[name] = note[V]{value, time.Now().Add(d)}
}

// makeRoom forgets what does not hold any more, or, under a flood, anything.
func (n *notes[V]) makeRoom() {
	if len(n.all) < maxNotes {
		return
	}
	now := time.Now()
	for name, one := range n.all {
		if now.After(one.until) {
			delete(n.all, name)
		}
	}
	for name := range n.all {
		if len(n.all) < maxNotes {
			return
		}
		delete(n.all, name)
	}
}
