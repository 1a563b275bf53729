package server

import "bytes"

// A head watches the bytes of a request's head go by, for what net/http does not tell: how large the head was, how many
// fields it had, and whether it framed its body twice. net/http deletes Transfer-Encoding, and Content-Length with it,
// before a handler can see that both were there, as a smuggled request has them (RFC 9112 section 6.1).
type head struct {
	started bool // a read was made for this head
	synced  bool // the first byte watched is the first byte of the head, not the middle of pipelined data
	done    bool // the empty line was seen; what follows is body

	size   int  // bytes of the head so far
	beyond int  // bytes that came with its end and are no part of it
	lines  int  // lines so far: 0 = not even the request line is complete
	length bool // there is a Content-Length
	coding bool // there is a Transfer-Encoding

	begin [20]byte // first bytes of the current line
	n     int      // how many of them there are
}

// start begins a new head.
func (h *head) start(synced bool) { *h = head{started: true, synced: synced} }

// trusted reports whether a complete head was watched from its first byte.
func (h *head) trusted() bool { return h.synced && h.done }

// fields is the number of header field lines.
func (h *head) fields() int { return max(h.lines-1, 0) }

// scan takes the next bytes read. It costs a search for the line ends, and only counts after the end of the head.
func (h *head) scan(p []byte) {
	for !h.done && len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		line := p[:i+1]
		if i < 0 {
			line = p
		}
		p = p[len(line):]
		h.size += len(line)
		h.n += copy(h.begin[h.n:], line)
		if i >= 0 {
			h.endLine(h.begin[:h.n])
			h.n = 0
		}
	}
	h.beyond += len(p)
}

// endLine looks at the beginning of a line whose end was found. Empty lines before the request line do not count.
func (h *head) endLine(begin []byte) {
	if begin[0] == '\n' || begin[0] == '\r' && len(begin) == 2 {
		h.done = h.lines > 0
		return
	}
	if h.lines++; h.lines == 1 {
		return // the request line
	}
	switch begin[0] {
	case 'C', 'c':
		h.length = h.length || isField(begin, "content-length:")
	case 'T', 't':
		h.coding = h.coding || isField(begin, "transfer-encoding:")
	}
}

// isField reports whether a line begins with name, which is in lower case and ends in a colon.
func isField(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}
