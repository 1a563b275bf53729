package trust

import (
	"flag"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("u", false, "rewrite the expected answers in testdata")

// TestPolicies runs the tables of testdata. A section is a policy: its name has the fields that are believed, and after "from" the
// proxies. Each case in it is what it shows, the request, and what comes of it:
//
//	trusted peer
//	10.0.0.1 | X-Forwarded-Proto: https | X-Scheme: http
//	= Scheme https | X-Forwarded-Proto: https
//
// The request is the address of the peer and header fields; the answer is what the account has, the fields that are left, and in
// parentheses the remarks or the error.
func TestPolicies(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runTable(t, file) })
	}
}

func runTable(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range archive.Files {
		section := &archive.Files[i]
		var b strings.Builder
		for line := range strings.Lines(string(section.Data)) {
			if strings.HasPrefix(line, "= ") {
				continue
			}
			b.WriteString(line)
			if strings.Contains(line, "|") {
				b.WriteString("= " + answer(parsePolicy(t, section.Name), line) + "\n")
			}
		}
		if !*update && b.String() != string(section.Data) {
			t.Errorf("%s, %s:\ngot\n%swant\n%s", file, section.Name, b.String(), section.Data)
		}
		section.Data = []byte(b.String())
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parsePolicy reads the name of a section.
func parsePolicy(t *testing.T, text string) *Policy {
	names, from, _ := strings.Cut(text, "from ")
	var proxies []netip.Prefix
	for _, word := range strings.Fields(from) {
		prefix, err := netip.ParsePrefix(word)
		if err != nil {
			t.Fatal(err)
		}
		proxies = append(proxies, prefix)
	}
	return NewPolicy(strings.Fields(names), proxies)
}

// answer is what a policy makes of the line of a request.
func answer(p *Policy, line string) string {
	peer, rest, _ := strings.Cut(strings.TrimSpace(line), "|")
	addr, _ := netip.ParseAddr(strings.TrimSpace(peer))
	header := http.Header{}
	for field := range strings.SplitSeq(rest, "|") {
		if name, value, ok := strings.Cut(strings.TrimSpace(field), ":"); ok {
			header.Add(name, strings.TrimSpace(value))
		}
	}
	a, remarks, err := p.Read(addr, header)
	words := describe(a)
	for _, name := range sorted(header) {
		for _, value := range header[name] {
			words = append(words, name+": "+value)
		}
	}
	for _, remark := range remarks {
		words = append(words, "("+remark+")")
	}
	if err != nil {
		words = append(words, "("+err.Error()+")")
	}
	return strings.Join(words, " | ")
}

// describe lists what an account has.
func describe(a Account) (words []string) {
	for _, w := range []struct{ name, value string }{{"Client", a.Client}, {"ClientPort", a.ClientPort}, {"Scheme", a.Scheme},
		{"Host", a.Host}, {"Server", a.Server}, {"Port", a.Port}} {
		if w.value != "" {
			words = append(words, w.name+" "+w.value)
		}
	}
	if a.Mounted {
		words = append(words, fmt.Sprintf("Script %q", a.Script))
	}
	return words
}

func sorted(h http.Header) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestKnown: each field is found by its name in any spelling, and is in a category.
func TestKnown(t *testing.T) {
	for _, name := range Known() {
		if f := find(strings.ToUpper(name)); f == nil || f.name != http.CanonicalHeaderKey(name) || f.about == 0 {
			t.Errorf("%s is not found as itself", name)
		}
	}
}

// FuzzPolicy: whatever a client that is no proxy of ours sends before its address, which the proxy appends, it does not become
// another.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{"", "10.0.0.2", "1.1.1.1, 10.0.0.2", ", ,", "unknown", "[::1]:80", "for=10.0.0.2", `for="x`, `for=1;for=2`, `for="\",`} {
		f.Add(seed)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, sent string) {
		header := http.Header{"X-Forwarded-For": {sent, "192.0.2.7"}}
		a, _, err := NewPolicy([]string{"X-Forwarded-For"}, proxies).Read(netip.MustParseAddr("10.0.0.1"), header)
		if err != nil || a.Client != "192.0.2.7" || header.Get("X-Forwarded-For") != "192.0.2.7" {
			t.Errorf("X-Forwarded-For %q makes %q of the client, %v", sent, a.Client, err)
		}
		for _, lines := range [][]string{{sent, "for=192.0.2.7"}, {sent + ", for=192.0.2.7"}, {sent + `, for="192.0.2.7:80";host="x"`}} {
			header = http.Header{"Forwarded": lines}
			a, _, err = NewPolicy([]string{"Forwarded"}, proxies).Read(netip.MustParseAddr("10.0.0.1"), header)
			if err == nil && a.Client != "192.0.2.7" || err != nil && (a != Account{} || header["Forwarded"] != nil) {
				t.Errorf("Forwarded %q makes %q of the client, %v", sent, a.Client, err)
			}
		}
	})
}
