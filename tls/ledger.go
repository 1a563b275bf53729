package tls

import (
	"crypto/x509"
	"maps"
	"slices"
	"sync"
	"time"
)

// ledger remembers, for [Manager.Status], what became of attempts to get certificates, and which there are on demand.
type ledger struct {
	opened time.Time

	mu       sync.Mutex
	troubles map[string]trouble  // by the first name of a certificate
	further  map[string]struct{} // names on demand that had a certificate or could not get one
}

// trouble is attempts that have failed, one after the other.
type trouble struct {
	since, last time.Time
	next        time.Time         // zero: it is not known
	reason      string            // of the last one
	served      *x509.Certificate // at that time; nil: none. When it is another one, an attempt has succeeded, maybe one of another process
}

// failed notes that an attempt has failed while a certificate, or none, is served for the name.
func (l *ledger) failed(name, reason string, served *x509.Certificate, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, former := l.troubles[name]
	if !former || !sameCertificate(t.served, served) {
		t = trouble{since: now, served: served}
	}
	t.last, t.reason, t.next = now, reason, time.Time{}
	if l.troubles == nil {
		l.troubles = map[string]trouble{}
	}
	l.troubles[name] = t
}

// again notes when there is another attempt.
func (l *ledger) again(name string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.troubles[name]; ok {
		t.next = at
		l.troubles[name] = t
	}
}

// trouble returns what is wrong with the certificate for name, of which the given one is served. Trouble that is over is
// forgotten.
func (l *ledger) trouble(name string, served *x509.Certificate) (trouble, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.troubles[name]
	if ok && !sameCertificate(t.served, served) {
		delete(l.troubles, name)
		return trouble{}, false
	}
	return t, ok
}

// demand notes a name on demand. When there are maxDemanded others, of which the cache keeps the certificates, any of them is
// forgotten.
func (l *ledger) demand(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.further == nil {
		l.further = map[string]struct{}{}
	}
	for other := range l.further {
		if len(l.further) < maxDemanded {
			break
		}
		l.drop(other)
	}
	l.further[name] = struct{}{}
}

// demanded returns the names on demand.
func (l *ledger) demanded() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.further))
}

// forget removes a name on demand.
func (l *ledger) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(name)
}

func (l *ledger) drop(name string) {
	delete(l.further, name)
	delete(l.troubles, name)
}

func sameCertificate(a, b *x509.Certificate) bool {
	return a == b || a != nil && b != nil && a.Equal(b)
}
