package trust

import (
	"net/http"
	"net/netip"
	"strings"
)

// A Policy says which header fields are believed, and from whom. It does not change and may be used from any goroutine.
type Policy struct {
	proxies  []netip.Prefix // none: everybody is believed
	believed []*field       // in the order in which they are applied
	governed []*field       // all of the categories of those: what is not believed of them is removed
}

// NewPolicy makes the Policy that believes the fields of these names, in any spelling, in this order: of several about the same
// matter the last that is present decides. Unknown names do nothing, see [Known]. Only who has an address in proxies is
// believed; an empty list is everybody.
func NewPolicy(names []string, proxies []netip.Prefix) *Policy {
	p := &Policy{proxies: proxies}
	var marked category
	for _, name := range names {
		if f := find(name); f != nil {
			p.believed = append(p.believed, f)
			marked |= f.about
		}
	}
	for i := range fields {
		if fields[i].about&marked != 0 {
			p.governed = append(p.governed, &fields[i])
		}
	}
	return p
}

// Trusts reports whether a proxy at that address is believed. The zero Addr is one that is not known.
func (p *Policy) Trusts(addr netip.Addr) bool { return len(p.proxies) == 0 || p.isProxy(addr) }

// isProxy reports whether the address is in the list of proxies.
func (p *Policy) isProxy(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("") // a network is none of one interface
	for _, prefix := range p.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Read takes what the proxy at the address peer says out of a header into an Account. Of each category that a believed field
// belongs to, all fields are removed from the header but the last that was applied; X-Forwarded-For and Forwarded are cut down to
// what was believed of them (section 4.6 of the reference, S63-S73). Fields of other categories are left alone.
//
// The error is that of a Forwarded field that cannot be read: then nobody can tell who the client is. The remarks say which
// values were passed over, and why.
func (p *Policy) Read(peer netip.Addr, header http.Header) (a Account, remarks []string, err error) {
	r := reading{policy: p, header: header}
	if p.Trusts(peer) {
		err = r.believe()
	}
	r.strip()
	if err != nil {
		return Account{}, nil, err
	}
	return r.account, r.remarks, nil
}

// A reading is one call of Read.
type reading struct {
	policy  *Policy
	header  http.Header
	account Account
	last    [categories]string // the field that was applied last, of each category
	remarks []string
}

// believe reads the fields that are there, in the order of the policy.
func (r *reading) believe() error {
	for _, f := range r.policy.believed {
		if r.header[f.name] == nil {
			continue
		}
		if err := f.read(r, f.name); err != nil {
			r.last = [categories]string{} // so that nothing of it is left
			return err
		}
	}
	return nil
}

// strip removes what was not believed.
func (r *reading) strip() {
	for _, f := range r.policy.governed {
		if r.header[f.name] != nil && !r.applied(f) {
			delete(r.header, f.name)
		}
	}
}

// value is a field's, with repeated lines as the one that they amount to (RFC 9110 section 5.3).
func (r *reading) value(name string) string {
	if lines := r.header[name]; len(lines) == 1 {
		return strings.TrimSpace(lines[0])
	}
	return strings.Join(items(r.header[name]), ", ")
}

// apply notes that a field was applied.
func (r *reading) apply(name string, about category) {
	for i := range r.last {
		if about&(1<<i) != 0 {
			r.last[i] = name
		}
	}
}

// applied reports whether f is the last that was applied, in one of its categories.
func (r *reading) applied(f *field) bool {
	for i, name := range r.last {
		if f.about&(1<<i) != 0 && name == f.name {
			return true
		}
	}
	return false
}

// remark says that a value was passed over.
func (r *reading) remark(name, value, why string) {
	r.remarks = append(r.remarks, name+` is "`+value+`", which is passed over: `+why)
}

// items are the elements of a list in a field of one or more lines, without the empty ones.
func items(lines []string) []string {
	var list []string
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	}
	return list
}
