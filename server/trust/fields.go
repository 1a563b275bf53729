package trust

import (
	"net/http"
	"strconv"
	"strings"
)

// A category is what a field is about; several are added up.
type category uint8

const (
	client category = 1 << iota
	scheme
	host
	server
	port
	script

	categories = 6
)

// A field is a header field of proxies. read is called if it is there.
type field struct {
	name  string // in canonical form
	about category
	read  func(r *reading, name string) error
}

// fields are all there are: those of mod_wsgi 6.0.5, and that of RFC 7239.
var fields = [...]field{
	{"X-Forwarded-For", client, readForwardedFor},
	{"X-Client-Ip", client, readClient},
	{"X-Real-Ip", client, readClient},
	{"X-Forwarded-Proto", scheme, readScheme},
	{"X-Forwarded-Scheme", scheme, readScheme},
	{"X-Scheme", scheme, readScheme},
	{"X-Forwarded-Https", scheme, readFlag},
	{"X-Forwarded-Ssl", scheme, readFlag},
	{"X-Https", scheme, readFlag},
	{"X-Forwarded-Host", host, readHost},
	{"X-Host", host, readHost},
	{"X-Forwarded-Server", server, readServer},
	{"X-Forwarded-Port", port, readPort},
	{"X-Script-Name", script, readScript},
	{"X-Forwarded-Script-Name", script, readScript},
	{"Forwarded", client | scheme | host, readForwarded},
}

// find is the field of a name in any spelling; nil: there is none.
func find(name string) *field {
	name = http.CanonicalHeaderKey(name)
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

// Known are the names of all fields that a Policy can believe, in canonical form.
func Known() []string {
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].name
	}
	return names
}

// readForwardedFor is a list, to which each proxy has added who came to it: what is to the left of the first address that is no
// proxy's may be invented.
func readForwardedFor(r *reading, name string) error {
	list := items(r.header[name])
	if len(list) == 0 {
		return nil
	}
	first := 0
	if len(r.policy.proxies) > 0 {
		first = r.policy.furthest(len(list), func(i int) string { return list[i] })
		r.header[name] = []string{strings.Join(list[first:], ", ")}
	}
	r.account.setClient(list[first])
	r.apply(name, client)
	return nil
}

// furthest is which of n nodes, of which the last came to the nearest proxy, is the client: the last that is no proxy of ours, or
// the first.
func (p *Policy) furthest(n int, node func(int) string) int {
	i := n - 1
	for i > 0 && p.isProxy(addrOf(node(i))) {
		i--
	}
	return i
}

// readClient is one address.
func readClient(r *reading, name string) error {
	if value := r.value(name); value != "" {
		r.account.setClient(value)
		r.apply(name, client)
	}
	return nil
}

// readScheme knows two words (S65).
func readScheme(r *reading, name string) error {
	value := r.value(name)
	if value == "" {
		return nil
	}
	r.apply(name, scheme)
	if word := strings.ToLower(value); word == "https" || word == "http" {
		r.account.Scheme = word
	} else {
		r.remark(name, value, "it is neither https nor http")
	}
	return nil
}

// flags are the words of a switch (S66).
var flags = map[string]string{"on": "https", "true": "https", "1": "https", "off": "http", "false": "http", "0": "http"}

// readFlag says whether TLS was used.
func readFlag(r *reading, name string) error {
	value := r.value(name)
	if value == "" {
		return nil
	}
	r.apply(name, scheme)
	if word, ok := flags[strings.ToLower(value)]; ok {
		r.account.Scheme = word
	} else {
		r.remark(name, value, "it is none of on, true, 1, off, false, 0")
	}
	return nil
}

// readHost takes the value as it is (S67): whether it can be a host is checked where hosts are.
func readHost(r *reading, name string) error {
	if value := r.value(name); value != "" {
		r.account.Host = value
		r.apply(name, host)
	}
	return nil
}

// readServer takes the value as it is (S68).
func readServer(r *reading, name string) error {
	if value := r.value(name); value != "" {
		r.account.Server = value
		r.apply(name, server)
	}
	return nil
}

// readPort takes what PEP 3333 permits for SERVER_PORT (S69).
func readPort(r *reading, name string) error {
	value := r.value(name)
	if value == "" {
		return nil
	}
	r.apply(name, port)
	if n, err := strconv.ParseUint(value, 10, 16); err == nil && n > 0 {
		r.account.Port = strconv.FormatUint(n, 10)
	} else {
		r.remark(name, value, "it is not a port, 1 to 65535")
	}
	return nil
}

// readScript takes a path (S71), which PEP 3333 has end without a slash. With two at its beginning links that are made of it would lead
// to another host; browsers take a backslash for a slash.
func readScript(r *reading, name string) error {
	value := r.value(name)
	if value == "" {
		return nil
	}
	r.apply(name, script)
	if path := strings.TrimRight(value, "/"); strings.HasPrefix(value, "/") && !strings.HasPrefix(path, "//") && !strings.HasPrefix(path, `/\`) {
		r.account.Script, r.account.Mounted = path, true
	} else {
		r.remark(name, value, "it is not a path, which begins with one slash")
	}
	return nil
}
