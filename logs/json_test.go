package logs

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// Strings of JSON and what they are made of.
func TestAppendJSON(t *testing.T) {
	for text, want := range map[string]string{
		"plain /path?a=b'<>&":  `"plain /path?a=b'<>&"`,
		"\"\\/":                `"\"\\/"`,
		"\n\r\t\b\x00\x1f\x7f": `"\n\r\t\u0008\u0000\u001f\u007f"`,
		"café € 🐍":             `"café € 🐍"`,
		"\xe9\xff\x80":         `"\u00e9\u00ff\u0080"`,
		"\u0085\u009f\u00a0":   "\"\\u0085\\u009f\u00a0\"",
		"\u2028\u2029":         `"\u2028\u2029"`,
		"\xed\xa0\x80":         `"\u00ed\u00a0\u0080"`, // a surrogate, which is no UTF-8
		"\ufffd":               "\"\ufffd\"",
		"\xe2\x82":             `"\u00e2\u0082"`,
	} {
		if got := string(appendJSON(nil, text)); got != want {
			t.Errorf("%q: got %s want %s", text, got, want)
		}
	}
}

// object parses what must be one object in one line.
func object(t *testing.T, line string) map[string]any {
	t.Helper()
	var values map[string]any
	text, whole := strings.CutSuffix(line, "\n")
	if !whole || strings.ContainsAny(text, "\n\r\u2028\u2029\x7f") || !utf8.ValidString(text) {
		t.Errorf("not a line: %q", line)
	}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		t.Errorf("%v: %q", err, line)
	}
	return values
}

// latin is what a reader of the log gets for a text.
func latin(s string) any {
	if s == "" {
		return nil
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			r = rune(s[0])
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// Whatever comes, the log is JSON, and a reader of it finds what was sent.
func FuzzAccessJSON(f *testing.F) {
	for _, seed := range []string{"", "/path", "\"\\\n\xff\u2028", "\",\"status\":200,\"x\":\"", "{"} {
		f.Add(seed)
	}
	parsed, err := ParseAccessFormat("json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		e := sample()
		e.User, e.Request.RequestURI, e.Request.Host, e.Request.Method = evil, evil, evil, evil
		e.Request.Header = http.Header{"User-Agent": {evil}, "Referer": {evil}}
		values := object(t, string(parsed.Append(nil, e)))
		for _, key := range []string{"user", "uri", "host", "method", "user_agent", "referer"} {
			if values[key] != latin(evil) {
				t.Errorf("%s: got %q of %q", key, values[key], evil)
			}
		}
		if values["status"] != 200.0 {
			t.Errorf("status %v", values["status"])
		}
	})
}

func FuzzErrorJSON(f *testing.F) {
	for _, seed := range []string{"", "one\ntwo\n", "\"\\\xff\u2028"} {
		f.Add(seed)
	}
	parsed, err := ParseErrorFormat("json")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		r := event
		r.Module, r.Client, r.Message = evil, evil, evil+"x"
		values := object(t, string(parsed.Append(nil, &r)))
		if values["module"] != latin(evil) || values["client"] != latin(evil) || values["message"] != latin(evil+"x") {
			t.Errorf("%q: %q", evil, values)
		}
	})
}

// The keys are a promise: the same ones, whatever is known.
func TestAccessJSONKeys(t *testing.T) {
	full, empty := object(t, format("json", sample())), object(t, format("json", &Entry{Status: 408}))
	for key, value := range full {
		if _, there := empty[key]; !there || value == nil {
			t.Errorf("%s: %v of a full entry, there in an empty one: %v", key, value, there)
		}
	}
	if len(empty) != len(full) {
		t.Errorf("%d and %d keys", len(empty), len(full))
	}
}
