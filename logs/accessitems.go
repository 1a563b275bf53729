package logs

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// accessItems is the table of directives: what each makes of its argument (empty when none was given). The documentation of
// Apache's mod_log_config, mod_logio and mod_ssl is the specification.
var accessItems = map[string]func(arg string) (item, error){
	"h": addressItem(clientHost, peerHost),
	"a": addressItem(clientHost, peerHost),
	"A": plain(func(e *Entry) string { host, _ := splitAddr(localAddr(e)); return host }),
	"l": plain(func(*Entry) string { return "" }), // identd is not asked
	"u": plain(func(e *Entry) string { return e.User }),
	"r": noArgument(appendRequestLine),
	"m": plain(func(e *Entry) string { return e.Request.Method }),
	"U": plain(urlPath),
	"q": noArgument(appendQuery),
	"H": plain(func(e *Entry) string { return e.Request.Proto }),
	"V": plain(func(e *Entry) string { return hostName(e.Request.Host) }),
	"v": plain(serverName),
	"f": plain(func(e *Entry) string { return e.Filename }),
	"R": plain(func(e *Entry) string { return e.Handler }),
	"L": plain(func(e *Entry) string { return e.ID }),
	"s": noArgument(func(dst []byte, e *Entry) []byte { return appendCount(dst, int64(e.Status)) }),
	"b": noArgument(func(dst []byte, e *Entry) []byte { return appendCount(dst, e.Body) }),
	"B": number(func(e *Entry) int64 { return e.Body }),
	"I": number(func(e *Entry) int64 { return e.Received }),
	"O": number(func(e *Entry) int64 { return e.Sent }),
	"S": number(func(e *Entry) int64 { return e.Received + e.Sent }),
	"k": number(func(e *Entry) int64 { return int64(e.Reused) }),
	"D": number(func(e *Entry) int64 { return e.Duration.Microseconds() }),
	"T": durationItem,
	"t": timeDirective,
	"p": portItem,
	"P": processItem,
	"X": noArgument(appendConnection),
	"i": named(requestHeader),
	"o": named(func(e *Entry, name string) string { return joined(e.Header[textproto.CanonicalMIMEHeaderKey(name)]) }),
	"C": named(cookie),
	"e": named(func(e *Entry, name string) string { return call(e.Environ, name) }),
	"n": named(func(e *Entry, name string) string { return call(e.Note, name) }),
	"x": named(func(e *Entry, name string) string { return call(e.TLS, name) }),
	"c": cryptography,

	"^FB": number(func(e *Entry) int64 { return e.FirstByte.Microseconds() }),
	"^to": named(responseTrailer),
	"^ti": named(func(e *Entry, name string) string { return joined(e.Request.Trailer[http.CanonicalHeaderKey(name)]) }),
}

// noArgument makes a table entry of a directive without argument.
func noArgument(it item) func(string) (item, error) {
	return func(arg string) (item, error) {
		if arg != "" {
			return nil, errors.New("this directive takes no {argument}")
		}
		return it, nil
	}
}

// plain is a directive that prints a text, "-" when it is empty.
func plain(text func(*Entry) string) func(string) (item, error) {
	return noArgument(func(dst []byte, e *Entry) []byte { return appendText(dst, text(e)) })
}

// number is a directive that prints a number, 0 included.
func number(value func(*Entry) int64) func(string) (item, error) {
	return noArgument(func(dst []byte, e *Entry) []byte { return strconv.AppendInt(dst, value(e), 10) })
}

// named is a directive that prints what its argument names, "-" when there is nothing of that name.
func named(text func(e *Entry, name string) string) func(string) (item, error) {
	return func(name string) (item, error) {
		if name == "" {
			return nil, errors.New("this directive needs a {name}")
		}
		return func(dst []byte, e *Entry) []byte { return appendText(dst, text(e, name)) }, nil
	}
}

// oneOf returns the item that arg chooses.
func oneOf(arg string, choices map[string]item) (item, error) {
	if it, ok := choices[arg]; ok {
		return it, nil
	}
	return nil, fmt.Errorf("{%s} is not an argument of this directive", arg)
}

// appendText appends s escaped, or "-" for nothing.
func appendText(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return appendEscaped(dst, s)
}

// appendCount appends n, or "-" for none, as common log format has it.
func appendCount(dst []byte, n int64) []byte {
	if n == 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendRequestLine is %r.
func appendRequestLine(dst []byte, e *Entry) []byte {
	r := e.Request
	if r.Method == "" {
		return append(dst, '-')
	}
	dst = appendEscaped(dst, r.Method)
	dst = appendEscaped(append(dst, ' '), r.RequestURI)
	return appendEscaped(append(dst, ' '), r.Proto)
}

// appendQuery is %q: nothing at all when there is no query.
func appendQuery(dst []byte, e *Entry) []byte {
	if e.Request.URL == nil || e.Request.URL.RawQuery == "" {
		return dst
	}
	return appendEscaped(append(dst, '?'), e.Request.URL.RawQuery)
}

// appendConnection is %X.
func appendConnection(dst []byte, e *Entry) []byte {
	switch {
	case e.Aborted:
		return append(dst, 'X')
	case e.KeepAlive:
		return append(dst, '+')
	}
	return append(dst, '-')
}

// urlPath is %U: the path asked for, decoded, without the query.
func urlPath(e *Entry) string {
	if e.Request.URL == nil {
		return ""
	}
	return e.Request.URL.Path
}

// serverName is %v.
func serverName(e *Entry) string {
	if e.ServerName != "" {
		return e.ServerName
	}
	return hostName(e.Request.Host)
}

// requestHeader is %{name}i. net/http keeps two header fields elsewhere.
func requestHeader(e *Entry, name string) string {
	switch key := textproto.CanonicalMIMEHeaderKey(name); key {
	case "Host":
		return e.Request.Host
	case "Transfer-Encoding":
		return joined(e.Request.TransferEncoding)
	default:
		return joined(e.Request.Header[key])
	}
}

// responseTrailer is %{name}^to. net/http has response trailers among the header fields: behind a prefix, or announced by the
// Trailer field.
func responseTrailer(e *Entry, name string) string {
	key := http.CanonicalHeaderKey(name)
	if values := e.Header[http.TrailerPrefix+key]; values != nil {
		return joined(values)
	}
	for _, line := range e.Header["Trailer"] {
		for announced := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(announced), key) {
				return joined(e.Header[key])
			}
		}
	}
	return ""
}

// joined returns the values of a repeated header field as the one field they amount to (RFC 9110 section 5.3).
func joined(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ", ")
}

// cookie is %{name}C: the value of the first cookie of that name, as sent.
func cookie(e *Entry, name string) string {
	for _, line := range e.Request.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(key, name) {
				return value
			}
		}
	}
	return ""
}

// call asks a lookup function that may be nil.
func call(lookup func(string) string, name string) string {
	if lookup == nil {
		return ""
	}
	return lookup(name)
}

// cryptography is mod_ssl's %{name}c, which came before its %{NAME}x. errcode never had a value.
func cryptography(name string) (item, error) {
	variable := map[string]string{"version": "SSL_PROTOCOL", "cipher": "SSL_CIPHER", "subjectdn": "SSL_CLIENT_S_DN",
		"issuerdn": "SSL_CLIENT_I_DN", "errcode": "", "errstr": "SSL_CLIENT_VERIFY"}
	key, known := variable[name]
	if !known {
		return nil, fmt.Errorf("{%s} is not an argument of this directive: give version, cipher, subjectdn, issuerdn, errcode or errstr", name)
	}
	return func(dst []byte, e *Entry) []byte { return appendText(dst, call(e.TLS, key)) }, nil
}
