package logs

import "testing"

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
	const want = "[Fri Nov 20 09:07:14.123456 2026] [wsgi:error] [pid 123:tid 456] [client 192.0.2.7:51234] first line\n"
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

func FuzzParseErrorFormat(f *testing.F) {
	for _, seed := range []string{"", defaultErrorFormat, `% \ %%%-m%+a%7F%{u}t`, "%", "%{", "%9999", "%{x}i"} {
		f.Add(seed, "a\nb")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		if parsed, err := ParseErrorFormat(text); err == nil {
			r := event
			r.Message = message
			parsed.Append(nil, &r)
		}
	})
}
