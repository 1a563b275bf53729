package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answers are what the handler of TestRaw does, by the last segment of the path.
var answers = map[string]func(x *Exchange, r *http.Request){
	"hello":        func(x *Exchange, r *http.Request) { hello(x, r) },
	"end":          answerEnd,
	"echo":         answerEcho,
	"twice":        answerStream,
	"nothing":      func(*Exchange, *http.Request) {},
	"panic":        func(*Exchange, *http.Request) { panic("secret of the application") },
	"abort":        func(x *Exchange, _ *http.Request) { x.Abort(errors.New("secret")) },
	"abort-late":   func(x *Exchange, _ *http.Request) { x.say("", "some"); x.Abort(errors.New("secret")) },
	"abort-length": func(x *Exchange, _ *http.Request) { x.say("10", "some"); x.Abort(errors.New("secret")) },
	"panic-late":   func(x *Exchange, _ *http.Request) { x.say("", "some"); panic("secret") },
	"short":        func(x *Exchange, _ *http.Request) { x.say("10", "some") },
	"long":         func(x *Exchange, _ *http.Request) { x.say("4", "some", "more") },
	"untyped":      func(x *Exchange, _ *http.Request) { _, _ = io.WriteString(x, "<html>") },
	"dated":        answerDated,
	"reason":       func(x *Exchange, _ *http.Request) { x.Reason = "Fine Thanks"; x.WriteHeader(200) },
	"reason-999":   func(x *Exchange, _ *http.Request) { x.Reason = "No Such Thing"; x.WriteHeader(999) },
	"reason-bad":   func(x *Exchange, _ *http.Request) { x.Reason = "OK\r\nX-Evil: 1"; x.WriteHeader(200) },
	"reason-large": answerLarge,
	"wait":         func(x *Exchange, r *http.Request) { <-r.Context().Done(); x.Abort(r.Context().Err()) },
	"switch":       func(x *Exchange, _ *http.Request) { x.WriteHeader(101); _, _ = io.WriteString(x, "dropped") },
	"204":          func(x *Exchange, _ *http.Request) { x.WriteHeader(204); _, _ = io.WriteString(x, "dropped") },
	"304":          func(x *Exchange, _ *http.Request) { x.WriteHeader(304); _, _ = io.WriteString(x, "dropped") },
	"error-403":    func(x *Exchange, _ *http.Request) { x.Header().Set("X-App", "1"); x.Error(403) },
	"error-799":    func(x *Exchange, _ *http.Request) { x.Error(799) },
	"error-504":    func(x *Exchange, _ *http.Request) { x.Error(504) },
	"error-503":    func(x *Exchange, _ *http.Request) { x.Error(503) },
	"error-502":    func(x *Exchange, _ *http.Request) { x.Error(502) },
	"unavailable": func(x *Exchange, _ *http.Request) {
		x.Header().Set("X-App", "1")
		x.Unavailable(1500 * time.Millisecond)
	},
	"unavailable-0": func(x *Exchange, _ *http.Request) { x.Unavailable(0) },
	"error-late":    func(x *Exchange, _ *http.Request) { x.say("", "some"); x.Error(500) },
	"read-fail":     answerReadFail,
	"early":         func(x *Exchange, _ *http.Request) { x.say("2", "no") },
	"user":          answerUser,
	"url":           answerURL,
}

func answer(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.URL.Path[1:], "/")
	if answers[name] == nil {
		name = r.URL.Path[1:]
	}
	if f := answers[name]; f != nil {
		f(From(w), r)
		return
	}
	answerURL(From(w), r)
}

// say sends blocks of a plain text, flushing each; length may be "".
func (x *Exchange) say(length string, blocks ...string) {
	x.Header().Set("Content-Type", "text/plain")
	if length != "" {
		x.Header().Set("Content-Length", length)
	}
	for _, b := range blocks {
		_, _ = io.WriteString(x, b)
		x.Flush()
	}
}

func answerEnd(x *Exchange, _ *http.Request) {
	x.Header().Set("Connection", "close")
	x.say("5", "end.\n")
}

// answerEcho reads the body and says how that went.
func answerEcho(x *Exchange, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	text := fmt.Sprintf("%s %d bytes, sum %d, error %v\n", r.Method, len(body), sum(body), err)
	x.say(fmt.Sprint(len(text)), text)
}

func sum(b []byte) (n int) {
	for _, c := range b {
		n += int(c)
	}
	return n
}

func answerStream(x *Exchange, _ *http.Request) { x.say("", "one\n", "two\n") }

func answerDated(x *Exchange, _ *http.Request) {
	h := x.Header()
	h.Set("Date", "yesterday")
	h.Set("Server", "mine")
	x.say("3", "ok\n")
}

func answerLarge(x *Exchange, _ *http.Request) {
	x.Reason = "Still Fine"
	x.Header().Set("X-Large", strings.Repeat("x", 5000))
	x.WriteHeader(200)
}

// answerReadFail is an application that lets a failed read of the body become its own failure.
func answerReadFail(x *Exchange, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		x.Abort(err)
		return
	}
	x.say("3", "ok\n")
}

func answerUser(x *Exchange, _ *http.Request) {
	x.User, x.Handler = "alice", "app"
	x.SetVariable("APP", "value")
	x.Header().Set("X-App", "yes")
	x.say("3", "ok\n")
}

// answerDuplex answers each block of the body as it comes.
func answerDuplex(x *Exchange, r *http.Request) {
	if err := x.FullDuplex(); err != nil {
		x.Error(500)
		return
	}
	buf := make([]byte, 100)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			x.say("", "got "+string(buf[:n])+"\n")
		}
		if err != nil {
			return
		}
	}
}

// answerURL says what arrived.
func answerURL(x *Exchange, r *http.Request) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s path=%q query=%q uri=%q host=%q\n", r.Method, r.URL.Path, r.URL.RawQuery, r.RequestURI, r.Host)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
	}
	x.say(fmt.Sprint(b.Len()), b.String())
}
