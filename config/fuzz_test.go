package config

import (
	"os"
	"path/filepath"
	"reflect"
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
