package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// write makes a file and its directories.
func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzParse feeds command lines, one word a line. Whatever they are, the answer is a Config that another process would
// get as it is, or ErrHelp, or complaints; and it is the same each time.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "app.wsgi", "--port\n80", "--port=0x1F90", "--port\n0b1\n--port\n017", "--proc=2", "--pro=2", "--", "--\n--port", "-h", "-x", "-", "--=x",
		"--setenv\nKEY\n${HOME}$HOME$", "--setenv=KEY\nvalue", "--passenv\nHOME", "--host\n[::1]", "--host\n1.2.3.4:80", "--host\nfe80::1%eth0",
		"--umask\n027", "--user\n#33", "--group\n#x", "--stack-size\n-1", "--switch-interval\n1e-3", "--keep-alive-timeout\nnan",
		"--application-type\nmodule\npkg:app", "--entry-point\n..", "--python-warnings\nerror:::x:1", "--application-group\n%{HOST}",
		"--callable-object\n\xff", "--mount-point\n//a/../b/", "--server-mpm\nprefork\n--server-mpm\nevent", "--https-port\n1",
		"--rss-limit\n1G\n--memory-limit\n-1k", "--metrics-address\n[::1]:9100", "--supplementary-groups\nstaff,#1,", "--ignore-activity\n//a/..",
		"--initial-workers\n.5\n--server-mpm\nprefork", "--maximum-requests\n9\n--maximum-requests-jitter\n10", "--options-file\n/dev/zero",
		"--embedded-mode\n--request-timeout\n0x10", "--restart-interval\n1e9", "--process-group\n\x01",
		"--https-only\n--server-name\nwww.example.org\n--server-alias\n*.example.org", "--ssl-certificate\na\n--ssl-certificate-chain-file\nb\n--ssl-certificate-chain-file\nc",
		"--ssl-certificate-key-file\nk", "--ssl-protocols\n-all", "--acme-directory\nhttps://[::1]:14000/dir\n--allow-localhost\n--server-name\n\u0130", "--ssl-verify-client\n/a/..",
		"--service-log\nname\nfile", "--thread-count\n5", "--log-level\nINFO",
	} {
		f.Add(seed)
	}
	env := testEnv(f.TempDir(), map[string]string{"HOME": "/home/alice"})
	f.Fuzz(func(t *testing.T, text string) {
		args := strings.Split(text, "\n")
		c, err := Parse("start-server", args, env)
		again, errAgain := Parse("start-server", args, env)
		if !reflect.DeepEqual(c, again) || !reflect.DeepEqual(err, errAgain) {
			t.Errorf("%q: two answers: %v %v and %v %v", args, c, err, again, errAgain)
		}
		if (c == nil) == (err == nil) {
			t.Fatalf("%q: neither a Config nor an error, or both: %v, %v", args, c, err)
		}
		usage, isUsage := err.(*UsageError)
		if err != nil && err != ErrHelp && (!isUsage || len(usage.Complaints) == 0) {
			t.Errorf("%q: an error of another kind: %v", args, err)
		}
		if err == nil && c.Port < 1 {
			t.Errorf("%q: a Config without its defaults: %+v", args, c)
		}
	})
}

// FuzzOptionsFile feeds texts of options files. Whatever they are, the answer is words with places that ascend, or a
// complaint with the place of a line that exists; and words that are quoted come back as they were.
func FuzzOptionsFile(f *testing.F) {
	for _, seed := range []string{
		"", "--port 80", "--port=80 # comment\n--host\t::1\r\n", "'a b' \"c\\\"d\" e\\ f", "'open", "\"open\\\"", "a\\", "a \\\n b\\\nc", "\ufeffa", "#", "''", "a#b", "\\é",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords("f", text)
		last, lines := 1, strings.Count(text, "\n")+1
		for _, w := range words {
			last = wantLine(t, w.at, last, lines)
		}
		if complaint, ok := err.(*Error); ok {
			wantLine(t, complaint.Place, 1, lines)
		} else if err != nil {
			t.Errorf("%q: an error without a place: %v", text, err)
		}
		if word := strings.NewReplacer("\n", "", "\r", "").Replace(text); err == nil {
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
			if again, err := splitWords("f", quoted); err != nil || len(again) != 1 || again[0].text != word {
				t.Errorf("%s: got %v, %v", quoted, again, err)
			}
		}
	})
}

// wantLine is the number of the line of a place, which has to be from low to high.
func wantLine(t *testing.T, place string, low, high int) int {
	t.Helper()
	line, err := strconv.Atoi(strings.TrimPrefix(place, "f:"))
	if err != nil || line < low || line > high {
		t.Errorf("the place is %s, the lines are %d to %d", place, low, high)
	}
	return line
}

// FuzzVenvVersion feeds texts of pyvenv.cfg: what is found is X.Y or nothing.
func FuzzVenvVersion(f *testing.F) {
	for _, seed := range []string{"", "version = 3.11.2\n", "version_info = 3.13.0.final.0", "VERSION=3.12.1\r\n", "version = 3", "version", "=\n=3.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		version := venvVersion(text)
		if version != "" && strings.Count(version, ".") != 1 {
			t.Errorf("%q: the version is %q", text, version)
		}
	})
}

// FuzzHostname feeds host names. What is accepted is in its one form: reading it again gives the same, and a name that is
// lower case and has no letters beyond ASCII.
func FuzzHostname(f *testing.F) {
	for _, seed := range []string{"www.Example.com.", "b\u00fccher.example", "xn--bcher-kva.example", "*.example.com", "[::1]", "::FFFF:1.2.3.4", "fe80::1%eth0",
		"https://a/", "a:80", "a_b", "-a", "a..b", "\u3002", "\u2126.org", "1.2.3", "\xff", "a?b\u00fc"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, word string, wildcards bool) {
		name, err := parseHostname(word, wildcards)
		if err != nil {
			return
		}
		if again, err := parseHostname(name, wildcards); err != nil || again != name {
			t.Errorf("%q is %q, which is %q, %v", word, name, again, err)
		}
		if name == "" || !isASCII(name) || strings.ToLower(name) != name || strings.ContainsAny(name, " /[]") {
			t.Errorf("%q is %q", word, name)
		}
		if hasWildcard(name) && !wildcards {
			t.Errorf("%q has a wildcard", name)
		}
	})
}

// FuzzProtocols feeds lists of versions. What is accepted are two versions that can be spoken, in ascending order.
func FuzzProtocols(f *testing.F) {
	for _, seed := range []string{"all", "all -TLSv1.2", "+tlsv1.3", "TLSv1 TLSv1.1,TLSv1.2", "all -SSLv3 -TLSv1", "SSLv3", "-all", "TLSv1 +TLSv1.3", "all -all", "++TLSv1.2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		least, greatest, err := parseProtocols(list)
		if err != nil {
			return
		}
		names := []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}
		if low, high := slices.Index(names, least), slices.Index(names, greatest); low < 0 || low > high {
			t.Errorf("%q is from %q to %q", list, least, greatest)
		}
	})
}

// FuzzCiphers feeds lists of cipher suites. What is accepted are suites of crypto/tls, each once, and OpenSSL's names for
// them mean the same.
func FuzzCiphers(f *testing.F) {
	for _, seed := range []string{"ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", "tls_ecdhe_rsa_with_chacha20_poly1305_sha256,DES-CBC3-SHA", "HIGH:!aNULL", "TLS_AES_128_GCM_SHA256", ":", "a-b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		names, err := parseCiphers(list)
		if err != nil {
			return
		}
		openSSL := make([]string, len(names))
		for i, name := range names {
			openSSL[i] = openSSLName(name)
		}
		again, err := parseCiphers(strings.Join(openSSL, ":"))
		if err != nil || len(names) == 0 || !slices.Equal(again, names) || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
			t.Errorf("%q is %q, which is %q, %v", list, names, again, err)
		}
	})
}
