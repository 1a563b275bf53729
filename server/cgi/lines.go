package cgi

import (
	"bytes"
	"strings"
)

// maxMessage is how much of a line of standard error is one record of the log, in bytes.
const maxMessage = 4096

// A lineWriter cuts text into lines.
type lineWriter struct {
	line func(string)
	rest []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		switch {
		case i >= 0:
			w.say(w.rest[:i])
			w.rest = w.rest[i+1:]
		case len(w.rest) >= maxMessage:
			w.say(w.rest[:maxMessage])
			w.rest = w.rest[maxMessage:]
		default:
			return len(p), nil
		}
	}
}

// finish says what came without an end of line.
func (w *lineWriter) finish() {
	w.say(w.rest)
	w.rest = nil
}

func (w *lineWriter) say(line []byte) {
	if text := strings.TrimRight(string(line), " \r\t"); text != "" {
		w.line(text)
	}
}
