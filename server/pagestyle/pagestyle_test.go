package pagestyle

import (
	"strings"
	"testing"
)

// TestSmall: the style of every page is small, in one line, and has both palettes.
func TestSmall(t *testing.T) {
	if n := len(Begin("404 Not Found") + End); n > 1800 {
		t.Errorf("a page without content has %d bytes", n)
	}
	if strings.ContainsAny(CSS, "\n<") || strings.Contains(CSS, ": ") {
		t.Errorf("the style sheet has something to leave out: %s", CSS)
	}
	for _, part := range []string{"color-scheme:light dark", "@media(prefers-color-scheme:dark)", "}main{", "margin:0 0 1rem}"} {
		if !strings.Contains(CSS, part) {
			t.Errorf("the style sheet lacks %q: %s", part, CSS)
		}
	}
	if strings.Count(CSS, "{") != strings.Count(CSS, "}") {
		t.Error("the braces of the style sheet are not balanced")
	}
}
