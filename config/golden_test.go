package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("u", false, "rewrite the expected answers in testdata")

// TestGolden runs the cases of testdata/*.txtar, one subject a file. A section "case NAME" is a world and a command
// line, "want NAME" what becomes of it, and any other section a file in the case's directory, $WORK:
//
//	-- case a port --
//	SOME_VARIABLE=value        an environment variable
//	uid 0                      who starts gild: 0 is root, 1000 is alice, who is the default
//	python 3.13t               the Python linked in: 3.11 by default, t is free-threaded
//	gild $WORK/venv/bin/gild   where the program is
//	start-server app.wsgi --port 80     or status, with what is wanted the path of the socket
//	-- want a port --
//	{ "Port": 80 }             what differs from alice starting gild without options or variables
//
// A complaint is wanted as "status N" and the text for standard error.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runFile(t, file) })
	}
}

func runFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten []txtar.File
	for _, f := range archive.Files {
		name, isCase := strings.CutPrefix(f.Name, "case ")
		if strings.HasPrefix(f.Name, "want ") {
			continue
		}
		rewritten = append(rewritten, f)
		if !isCase {
			continue
		}
		got := runCase(t, archive, string(f.Data))
		rewritten = append(rewritten, txtar.File{Name: "want " + name, Data: []byte(got)})
		if want := part(archive, "want "+name); !*update && got != want {
			t.Errorf("%s, case %s:\ngot\n%swant\n%s", file, name, got, want)
		}
	}
	if *update {
		archive.Files = rewritten
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// part is the text of a section of that name, or "".
func part(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// runCase makes the world of a case and says what became of its command line, with the directory called $WORK.
func runCase(t *testing.T, archive *txtar.Archive, text string) string {
	dir := t.TempDir()
	if err := extract(archive, dir); err != nil {
		t.Fatal(err)
	}
	env, words := readCase(t, text, dir)
	base := mustParse(t, testEnv(dir, nil))
	return strings.ReplaceAll(outcome(base, words, env), dir, "$WORK")
}

// outcome is the wanted text of a command line.
func outcome(base *Config, words []string, env Env) string {
	if words[0] == "status" {
		return outcomeOfStatus(words[1:], env)
	}
	c, err := Parse(words[0], words[1:], env)
	var usage *UsageError
	switch {
	case err == ErrHelp:
		return "status 0, help\n"
	case errors.As(err, &usage):
		return "status 2\n" + err.Error() + "\n"
	case err != nil:
		return "unexpected error: " + err.Error() + "\n"
	}
	text := difference(base, c)
	if err := c.Check(); err != nil {
		text += "status 1\n" + err.Error() + "\n"
	}
	return text
}

// outcomeOfStatus is the wanted text of a command line of gild status.
func outcomeOfStatus(words []string, env Env) string {
	path, err := StatusSocket(words, env)
	switch {
	case err == ErrHelp:
		return "status 0, help\n"
	case err != nil:
		return "status 2\n" + err.Error() + "\n"
	}
	return path + "\n"
}

// extract writes the files of a case. A name that ends with a slash is a directory.
func extract(archive *txtar.Archive, dir string) error {
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		switch {
		case strings.HasPrefix(f.Name, "case ") || strings.HasPrefix(f.Name, "want "):
			continue
		case strings.HasSuffix(f.Name, "/"):
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readCase reads the lines above the command line into an Env, and splits the command line.
func readCase(t *testing.T, text, dir string) (Env, []string) {
	variables := map[string]string{"WORK": dir}
	env := testEnv(dir, variables)
	var words []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		first, rest, _ := strings.Cut(line, " ")
		name, value, isVariable := strings.Cut(line, "=")
		switch {
		case line == "":
		case first == "uid":
			env.UID, _ = strconv.Atoi(rest)
			env.GID = env.UID
		case first == "python":
			env.PythonVersion, env.PythonFreeThreaded = strings.CutSuffix(rest, "t")
		case first == "gild":
			env.Executable = expand(rest, env.Lookup)
		case first == "start-server" || first == "status":
			words = split(line)
		case isVariable:
			variables[name] = strings.ReplaceAll(value, "$WORK", dir)
		default:
			t.Fatalf("a line of a case that means nothing: %s", line)
		}
	}
	if len(words) == 0 {
		t.Fatalf("a case without a command line:\n%s", text)
	}
	return env, words
}

// split cuts a line into words. Single quotes hold a word together; the table has no need of more.
func split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// testEnv is a small machine with three users, on which dir is the current directory and that for temporary files.
func testEnv(dir string, variables map[string]string) Env {
	users := []user.User{
		{Username: "root", Uid: "0", Gid: "0", HomeDir: "/root"},
		{Username: "www-data", Uid: "33", Gid: "33", HomeDir: "/var/www"},
		{Username: "alice", Uid: "1000", Gid: "1000", HomeDir: "/home/alice"},
	}
	groups := []user.Group{{Name: "root", Gid: "0"}, {Name: "www-data", Gid: "33"}, {Name: "staff", Gid: "50"}, {Name: "alice", Gid: "1000"}}
	return Env{
		Lookup: func(name string) (string, bool) {
			if value, ok := variables[name]; ok || name != "TMPDIR" {
				return value, ok
			}
			return dir, true // what lies in /tmp is none of the tests' business
		},
		Dir: dir, UID: 1000, GID: 1000, Executable: "/opt/gild-of-the-tests/bin/gild", PythonVersion: "3.11",
		LookupUser: func(name string) (*user.User, error) {
			return pick(users, func(u user.User) bool { return u.Username == name })
		},
		LookupUserID: func(id string) (*user.User, error) { return pick(users, func(u user.User) bool { return u.Uid == id }) },
		LookupGroup: func(name string) (*user.Group, error) {
			return pick(groups, func(g user.Group) bool { return g.Name == name })
		},
		LookupGroupID: func(id string) (*user.Group, error) {
			return pick(groups, func(g user.Group) bool { return g.Gid == id })
		},
		GroupIDs: func(u *user.User) ([]string, error) { return []string{u.Gid, "50"}, nil },
	}
}

// pick is the first that fits.
func pick[T any](list []T, fits func(T) bool) (*T, error) {
	for _, one := range list {
		if fits(one) {
			return &one, nil
		}
	}
	return nil, fs.ErrNotExist
}

// difference is, as JSON, what c has otherwise than base; the command line is left out.
func difference(base, c *Config) string {
	before, after := fields(base), fields(c)
	delete(after, "CommandLine")
	changed, _ := changes(before, after).(map[string]any)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(changed); err != nil {
		return fmt.Sprint(err)
	}
	return b.String()
}

// fields is a Config as another process gets it.
func fields(c *Config) map[string]any {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	var m map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&m); err != nil {
		panic(err)
	}
	return m
}

// changes keeps of after what is not the same in before, through all nested objects and through lists of them. Of what
// before does not have at all, it keeps what is not empty.
func changes(before, after any) any {
	if list, ok := after.([]any); ok {
		return changesOfList(before, list)
	}
	object, ok := after.(map[string]any)
	if !ok {
		return after
	}
	old, _ := before.(map[string]any)
	kept := map[string]any{}
	for key, value := range object {
		if old == nil && value != nil && value != "" && value != false || old != nil && !reflect.DeepEqual(old[key], value) {
			kept[key] = changes(old[key], value)
		}
	}
	return kept
}

// changesOfList is changes, element by element.
func changesOfList(before any, after []any) []any {
	olds, _ := before.([]any)
	kept := make([]any, len(after))
	for i := range after {
		var old any
		if i < len(olds) {
			old = olds[i]
		}
		kept[i] = changes(old, after[i])
	}
	return kept
}

// TestTexts compares the long texts with files: the help, the model without any options, and the banner.
func TestTexts(t *testing.T) {
	dir := t.TempDir()
	env := testEnv(dir, nil)
	plain := mustParse(t, env)
	full := mustParse(t, env, "--entry-point=pkg.wsgi", "--application-type=module", "--host=::1", "--port=80", "--processes=2",
		"--access-log", "--startup-log", "--log-directory=/var/log/gild", "--log-level=info", "--server-status", "--metrics-address=:9100", "--interrupt-timeout=1.5",
		"--startup-timeout=0", "--server-mpm=prefork")
	embedded := mustParse(t, env, "--embedded-mode", "--processes=2")
	terminal := mustParse(t, env, "--log-to-terminal", "--access-log", "--port=80")
	secure := mustParse(t, env, "--server-name=www.shop.org", "--server-alias=shop.example", "--server-alias=www.shop.co.uk", "--https-only",
		"--allow-localhost", "--server-status", "--certificate-directory=/var/lib/gild", "--acme-permission-script=/srv/permit.py")
	files := mustParse(t, env, "--https-port=8443", "--ssl-certificate=/etc/ssl/rsa", "--ssl-certificate=/etc/ssl/ecdsa", "--disable-http3")
	write(t, dir, "rules", "RewriteEngine On")
	site := mustParse(t, env, "--document-root=/srv/www", "--url-alias", "/static", "/srv/static", "--add-handler", ".md", "/srv/render.py", "--with-cgi",
		"--proxy-mount-point", "/api/", "http://10.0.0.1:9000/", "--proxy-virtual-host", "wiki.shop.org", "unix:/run/wiki|http://wiki/", "--rewrite-rules=rules",
		"--host-access-script=/srv/users.py", "--auth-user-script=/srv/users.py", "--auth-group-script=/srv/users.py", "--auth-group=staff",
		"--trust-proxy-header=X-Forwarded-For", "--trust-proxy=10.0.0.0/8", "--proxy-protocol")
	local := mustParse(t, env, "--https-port=8443", "--server-name=[::1]", "--acme-agreed")
	for name, text := range map[string]string{
		"banner-secure.txt":   Banner(secure),
		"banner-files.txt":    Banner(files),
		"banner-local.txt":    Banner(local),
		"banner-site.txt":     Banner(site),
		"help.txt":            Help("start-server"),
		"help-status.txt":     Help("status"),
		"defaults.json":       difference(&Config{}, plain),
		"banner.txt":          Banner(plain),
		"banner-full.txt":     Banner(full),
		"banner-embedded.txt": Banner(embedded),
		"banner-terminal.txt": Banner(terminal),
	} {
		compare(t, filepath.Join("testdata", name), strings.ReplaceAll(text, dir, "$WORK"))
	}
}

// compare is a golden file without sections.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\ngot\n%swant\n%s", file, got, want)
	}
}

// mustParse is the Config of options that are known to be right.
func mustParse(t *testing.T, env Env, args ...string) *Config {
	t.Helper()
	c, err := Parse("start-server", args, env)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return c
}
