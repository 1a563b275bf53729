package compress

import (
	"net/http"
	"strings"
)

// types are those of mod_wsgi-express's --compress-responses (S36), and XML of any kind.
var types = map[string]bool{
	"text/plain": true, "text/html": true, "text/xml": true, "text/css": true, "text/javascript": true,
	"application/xhtml+xml": true, "application/javascript": true, "application/json": true, "application/xml": true,
}

// Eligible reports whether a response with these header fields is one of text that nobody has encoded yet, whole, and not
// protected by "Cache-Control: no-transform" (RFC 9111 section 5.2.2.6). What the client accepts does not matter here: such a
// response varies with that.
func Eligible(status int, h http.Header) bool {
	switch {
	case status < 200, status == http.StatusNoContent, status == http.StatusResetContent, status == http.StatusPartialContent,
		status == http.StatusNotModified:
		return false
	case h["Content-Encoding"] != nil, h["Content-Range"] != nil, !isText(h.Get("Content-Type")):
		return false
	}
	return !has(h["Cache-Control"], "no-transform")
}

// isText reports whether a media type is one of those, or one of JSON or XML by its suffix (RFC 6839), such as image/svg+xml.
// text/event-stream is none: its events are small and each goes out at once.
func isText(mediaType string) bool {
	name, _, _ := strings.Cut(mediaType, ";")
	name = strings.ToLower(strings.TrimSpace(name))
	return types[name] || strings.HasSuffix(name, "+json") || strings.HasSuffix(name, "+xml")
}

// has reports whether a member of a comma separated list is name.
func has(fields []string, name string) bool {
	for _, field := range fields {
		for member := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(member), name) {
				return true
			}
		}
	}
	return false
}

// Vary adds Accept-Encoding to what a response varies with, unless that is there or covered by "*".
func Vary(h http.Header) {
	if !has(h["Vary"], "Accept-Encoding") && !has(h["Vary"], "*") {
		h["Vary"] = append(h["Vary"], "Accept-Encoding")
	}
}

// ofBody are the header fields that are no longer true of a body that was compressed: its length, its digests (RFC 9530), and that
// ranges of it can be had.
var ofBody = [...]string{"Content-Length", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// Mark makes the header that of a response compressed with coding.
func Mark(h http.Header, coding string) {
	for _, name := range ofBody {
		delete(h, name)
	}
	h["Content-Encoding"] = []string{coding}
	if tag := h["Etag"]; len(tag) == 1 {
		h["Etag"] = []string{Weaken(tag[0], coding)}
	}
}
