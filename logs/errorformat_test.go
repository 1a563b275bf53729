package logs

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// event is the record that the golden file is about.
var event = Record{
	Level: Error, Module: "wsgi", Client: "192.0.2.7:51234", ID: "Zx9", PID: 123, TID: 456,
	Time: 1795165634123456789, Message: "first line\n\n  second \"line\" café \\ \x1b[31m\x00\xff\r\n",
}

// formatError compiles and applies a format to the records of the golden files.
func formatError(input string) string {
	f, err := ParseErrorFormat(input)
	if err != nil {
		return "error: " + err.Error()
	}
	bare := Record{Level: Debug, PID: 1, TID: 2, Time: event.Time, Message: "bare"}
	return string(f.Append(f.Append(nil, &event), &bare))
}

func TestErrorFormat(t *testing.T) {
	golden(t, "testdata/error.txt", formatError)
}

func TestDefaultErrorFormat(t *testing.T) {
	const want = "[Fri Nov 20 09:07:14.123456 2026] [wsgi:error] [pid 123:tid 456] [client 192.0.2.7:51234] [id Zx9] first line\n"
	f, err := ParseErrorFormat("")
	if err != nil {
		t.Fatal(err)
	}
	r := event
	r.Message = "first line"
	if got := string(f.Append(nil, &r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// However a message looks, it makes as many lines as it has, and nothing in them drives a terminal.
func FuzzParseErrorFormat(f *testing.F) {
	for _, seed := range []string{"", defaultErrorFormat, `% \ %%%-m%+a%7F%{u}t`, "%", "%{", "%9999", "%{x}i", "json"} {
		f.Add(seed, "a\nb")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		parsed, err := ParseErrorFormat(text)
		if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
			return
		}
		r := event
		r.Message, r.Client, r.Module = message, message, message
		lines := string(parsed.Append(nil, &r))
		if most := strings.Count(strings.TrimRight(message, "\n"), "\n") + 1; strings.Count(lines, "\n") > most {
			t.Errorf("format %q, message %q: %q", text, message, lines)
		}
		if utf8.ValidString(text) && (!utf8.ValidString(lines) || strings.ContainsAny(lines, "\x00\x1b\r\x7f\u009b")) {
			t.Errorf("format %q, message %q: %q", text, message, lines)
		}
	})
}
