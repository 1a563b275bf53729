package integration

import "testing"

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a*c", "abbc", true},
		{"a*c", "abb", false},
		{"a*c", "a\nc", false},
		{`a\*c`, "a*c", true},
		{`a\*c`, "abc", false},
		{"a.c", "abc", false},
		{"first\n*\nlast", "first\n1\n2\nlast", true},
		{"first\n*\nlast", "first\nlast", true},
		{"first\n*\nlast", "firstlast", false},
		{"first\n*", "first", true},
		{"first\n*", "first\n1\n2", true},
		{"first\n*", "first1", false},
		{"*\nlast", "last", true},
		{"*", "", true},
		{"pid {pid}", "pid 7", true},
		{"pid {pid}", "pid 8", false},
		{"pid {not pid}", "pid 8", true},
		{"pid {not pid}", "pid 7", false},
		{`{"json": 1}`, `{"json": 1}`, true},
	} {
		known := names{"pid": "7"}
		if got := compile(c.pattern, known).whole(c.text, known); got != c.want {
			t.Errorf("%q against %q: %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

func TestCapture(t *testing.T) {
	known := names{}
	if !compile("from {port} to *", known).within("gone from 80 to 81", known) || known["port"] != "80" {
		t.Fatalf("captured %v", known)
	}
	if text, err := known.expand("kill {port}"); text != "kill 80" || err != nil {
		t.Errorf("expand: %q, %v", text, err)
	}
	if _, err := known.expand("kill {host}"); err == nil {
		t.Error("expand of a name nobody captured: no error")
	}
}
