package tls

import (
	"context"
	crypto "crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"
)

// Limits of what is under way for certificates on demand.
const (
	maxFlights  = 256             // names at a time
	flightLife  = 3 * time.Minute // of an order
	lookPeriod  = time.Minute     // between two looks at one certificate
	maxPatience = 10 * time.Second
)

// flights are orders and renewals on demand that are under way, one for each name, in goroutines of their own: a handshake
// waits for one as long as handshakes may take, and an order goes on when its handshake has given up. Refusing names beyond
// maxFlights keeps a flood of them from taking all memory; those whose certificates are in memory are not concerned.
type flights struct {
	mu   sync.Mutex
	open map[string]*flight
}

// flight is one of them. Its fields are for those who have seen done closed.
type flight struct {
	done        chan struct{}
	certificate *crypto.Certificate
	err         error
}

// join returns the flight for name, which work makes if there is none; nil: there are too many.
func (f *flights) join(name string, work func() (*crypto.Certificate, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.open[name]; one != nil {
		return one
	}
	if len(f.open) >= maxFlights {
		return nil
	}
	if f.open == nil {
		f.open = map[string]*flight{}
	}
	one := &flight{done: make(chan struct{})}
	f.open[name] = one
	go func() {
		one.certificate, one.err = work()
		f.mu.Lock()
		delete(f.open, name)
		f.mu.Unlock()
		close(one.done)
	}()
	return one
}

// onDemand returns the certificate of a further name: the one in memory at once, otherwise the one that is read or obtained
// while the handshake waits.
func (a *automatic) onDemand(ctx context.Context, name string) (*crypto.Certificate, error) {
	if c := newest(a.further, name); c != nil && time.Now().Before(c.Leaf.NotAfter) {
		if _, fresh := a.looked.get(name); !fresh {
			a.looked.put(name, struct{}{}, lookPeriod)
			a.fetch(name)
		}
		return c, nil
	}
	if err := a.demand.known(name); err != nil {
		return nil, err
	}
	one := a.fetch(name)
	if one == nil {
		return nil, fmt.Errorf("there is no certificate for %s yet, and too many others are being obtained", name)
	}
	return a.await(ctx, one, name)
}

// fetch has certmagic read, obtain or renew the certificate for name.
func (a *automatic) fetch(name string) *flight {
	return a.flights.join(name, func() (*crypto.Certificate, error) {
		ctx, cancel := context.WithTimeout(a.life, flightLife)
		defer cancel()
		return a.demanded.GetCertificateWithContext(ctx, newHello(name))
	})
}

// newHello stands for all the handshakes that wait for name. Certmagic looks at the address of the client for its log, and
// panics if there is none.
func newHello(name string) *crypto.ClientHelloInfo {
	return &crypto.ClientHelloInfo{ServerName: name, Conn: anybody{}}
}

// anybody is a connection of which there is nothing but addresses that say nothing.
type anybody struct{ net.Conn }

func (anybody) RemoteAddr() net.Addr { return &net.TCPAddr{} }
func (anybody) LocalAddr() net.Addr  { return &net.TCPAddr{} }

// await waits for a flight, no longer than the handshake may take.
func (a *automatic) await(ctx context.Context, one *flight, name string) (*crypto.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, a.settings.patience)
	defer cancel()
	select {
	case <-one.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("the certificate for %s is still being obtained", name)
	}
	if one.err != nil {
		return nil, fmt.Errorf("there is no certificate for %s: %w", name, one.err)
	}
	return one.certificate, nil
}
