package auth

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Names finds the names of the addresses of clients, as Apache's HostnameLookups Double does: a name that DNS gives for an address
// counts only if it leads back to that address, since whoever has the address can have any name put there. Any goroutine may use
// it; the zero value is ready.
type Names struct {
	mu    sync.Mutex
	known map[netip.Addr]*name
}

// name is what is known about an address.
type name struct {
	found   chan struct{} // closed when it has been looked for
	text    string        // "": there is none
	expires time.Time
}

const (
	lookupTime = 2 * time.Second // for both questions to DNS: a request waits
	nameLife   = time.Minute     // whether there is a name or not
	mostNames  = 4096            // addresses that are remembered
)

// Of returns the name of an address, in lower case, or the address if it has none or none was found within two seconds.
// Names of addresses of this machine (127.0.0.1, ::1) are in /etc/hosts or nowhere: no other server is asked. What was found
// is remembered for a minute. The end of ctx ends the wait.
func (n *Names) Of(ctx context.Context, address netip.Addr) string {
	address = address.Unmap().WithZone("")
	entry := n.entry(address, time.Now())
	select {
	case <-entry.found:
	case <-ctx.Done():
		return address.String()
	}
	if entry.text == "" {
		return address.String()
	}
	return entry.text
}

// entry is what is known, or about to be: the first who asks has it looked for.
func (n *Names) entry(address netip.Addr, now time.Time) *name {
	n.mu.Lock()
	defer n.mu.Unlock()
	if entry := n.known[address]; entry != nil && now.Before(entry.expires) {
		return entry
	}
	if n.known == nil || len(n.known) >= mostNames {
		n.known = map[netip.Addr]*name{} // all of it is asked again, which is rare
	}
	entry := &name{found: make(chan struct{}), expires: now.Add(nameLife)}
	n.known[address] = entry
	go func() {
		defer close(entry.found)
		entry.text = lookUp(resolverFor(address), address)
	}()
	return entry
}

// hostsOnly is Go's resolver without a server to ask: it finds what is in /etc/hosts.
var hostsOnly = net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("names of this machine are not asked of others")
}}

func resolverFor(address netip.Addr) *net.Resolver {
	if address.IsLoopback() {
		return &hostsOnly
	}
	return net.DefaultResolver
}

// lookUp asks for the name of an address, and for the addresses of that name; "" is none.
func lookUp(resolver *net.Resolver, address netip.Addr) string {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	names, err := resolver.LookupAddr(ctx, address.String())
	if err != nil {
		return ""
	}
	for _, name := range names {
		if name = strings.ToLower(strings.TrimSuffix(name, ".")); leadsTo(ctx, resolver, name, address) {
			return name
		}
	}
	return ""
}

func leadsTo(ctx context.Context, resolver *net.Resolver, name string, address netip.Addr) bool {
	addresses, err := resolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if a.Unmap().WithZone("") == address {
			return true
		}
	}
	return false
}
