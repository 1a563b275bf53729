package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// TestStories plays every file of testdata: see doc.go for what is in one.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories in testdata: ", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs(t, file, archive) {
			t.Run(run.name, func(t *testing.T) {
				t.Parallel()
				newStory(t, file, archive, run).play()
			})
		}
	}
}

// run is one way to play a story.
type run struct {
	name     string
	protocol string
	args     []string // added to the command line
}

// runs multiplies a story by the placements, protocols and numbers of processes that its "with" section asks for.
func runs(t *testing.T, file string, archive *txtar.Archive) []run {
	if !expectsSomething(archive) {
		t.Fatalf("%s expects nothing, so it cannot fail", file)
	}
	with := settings(t, file, archive)
	list := []run{{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), protocol: protocols[0].name}}
	list = multiply(list, placements, func(r *run, p placement) bool {
		r.add(p.name, p.args...)
		return with["placement"] == nil || with["placement"][0] == p.name
	})
	list = multiply(list, with["protocols"], func(r *run, name string) bool {
		r.protocol = name
		r.add(name, findProtocol(name).args...)
		return true
	})
	return multiply(list, with["processes"], func(r *run, n string) bool {
		r.add("processes="+n, "--processes", n)
		return true
	})
}

// multiply makes a run of each that there is for each choice, as change wants it, which may also drop it. Without choices
// all stays as it is.
func multiply[T any](list []run, choices []T, change func(*run, T) bool) (all []run) {
	if len(choices) == 0 {
		return list
	}
	for _, r := range list {
		for _, choice := range choices {
			if made := r; change(&made, choice) {
				all = append(all, made)
			}
		}
	}
	return all
}

// add extends the name and the options of a run.
func (r *run) add(name string, args ...string) {
	r.name += "/" + name
	r.args = slices.Concat(r.args, args)
}

// expectsSomething reports whether the story has a section that can fail.
func expectsSomething(archive *txtar.Archive) bool {
	for _, f := range archive.Files {
		switch verb, _, _ := strings.Cut(f.Name, " "); verb {
		case "response", "refused", "head", "connect", "closed", "exit", "log", "access", "stdout", "stderr", "processes", "gone", "gild":
			return true
		}
	}
	return false
}

// settings are the lines of the "with" section: a word and its values.
func settings(t *testing.T, file string, archive *txtar.Archive) map[string][]string {
	with := map[string][]string{}
	for _, f := range archive.Files {
		if f.Name != "with" {
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			if len(words) < 2 || !strings.Contains(" framework placement processes program protocols python user ", " "+words[0]+" ") {
				t.Fatalf("%s: with: %q is not a setting", file, line)
			}
			with[words[0]] = words[1:]
			if words[0] == "protocols" && slices.ContainsFunc(words[1:], func(name string) bool { return findProtocol(name) == nil }) {
				t.Fatalf("%s: with: not all in %q are protocols", file, line)
			}
		}
	}
	return with
}

// story is one file of testdata being played.
type story struct {
	t           *testing.T
	file        string
	archive     *txtar.Archive
	args        []string // of this run, after those of the story
	dir         string
	gild        *gild
	known       names
	protocol    string // of a connection that does not say which
	authority   *authority
	connections map[string]talk
	sessions    map[string]*session // by the part of a connection's name before the dot
	ways        map[string]*way     // of connections, by name
	sent        map[string][]byte   // last request by connection, for "(eventually)"
	never       []string            // log lines that must not come
	logSeen     map[string]int      // how much of each log earlier sections have used up, where lines have an order
	logUsed     map[usedLine]bool   // the lines that they have used up
	backends    backends
	changed     bool // -u has rewritten an answer
}

func newStory(t *testing.T, file string, archive *txtar.Archive, how run) *story {
	copied := *archive
	copied.Files = append([]txtar.File(nil), archive.Files...)
	return &story{
		t: t, file: file, archive: &copied, protocol: how.protocol, args: how.args, dir: t.TempDir(), known: names{},
		connections: map[string]talk{}, sessions: map[string]*session{}, ways: map[string]*way{},
		sent: map[string][]byte{}, logSeen: map[string]int{}, logUsed: map[usedLine]bool{},
	}
}

// play performs the sections in order, then stops gild and looks for what must not have been logged.
func (s *story) play() {
	s.requirePython()
	s.requireProgram()
	s.requireFramework()
	s.requireUser()
	args, _ := s.commandLine()
	if err := s.prepareSecurity(args); err != nil {
		s.t.Fatal(err)
	}
	for i := range s.archive.Files {
		section := &s.archive.Files[i]
		if err := s.perform(section); err != nil {
			s.t.Fatalf("%s: -- %s --: %v", s.file, section.Name, err)
		}
	}
	s.finish()
}

// requirePython skips a story that needs a newer Python than the one inside; the suite is run on two.
func (s *story) requirePython() {
	with := settings(s.t, s.file, s.archive)["python"]
	if with == nil {
		return
	}
	var major, minor int
	if _, err := fmt.Sscanf(with[0], "%d.%d", &major, &minor); err != nil {
		s.t.Fatalf("%s: with: python %s: %v", s.file, with[0], err)
	}
	if built.python[0] < major || built.python[0] == major && built.python[1] < minor {
		s.t.Skipf("needs Python %s or newer; this gild has %d.%d inside", with[0], built.python[0], built.python[1])
	}
}

// requireProgram skips a story that needs a program of somebody else.
func (s *story) requireProgram() {
	if with := settings(s.t, s.file, s.archive)["program"]; with != nil {
		program(s.t, with[0])
	}
}

// requireFramework skips a story that needs the packages of requirements.txt. All are in one virtual environment.
func (s *story) requireFramework() {
	if with := settings(s.t, s.file, s.archive)["framework"]; with != nil {
		frameworks(s.t)
	}
}

// nobody is the user who has no rights.
var nobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

// become lets gild be started by whom the story says, in a directory that is his.
func (s *story) become(gild *exec.Cmd) {
	if with := settings(s.t, s.file, s.archive)["user"]; with == nil || with[0] != "nobody" {
		return
	}
	gild.SysProcAttr.Credential = nobody.Credential
	if err := os.Chown(s.dir, int(nobody.Credential.Uid), int(nobody.Credential.Gid)); err != nil {
		s.t.Fatal(err)
	}
}

// requireUser skips a story that only root can play, and lets other users into its directory.
func (s *story) requireUser() {
	if with := settings(s.t, s.file, s.archive)["user"]; with != nil {
		requireRoot(s.t, s.dir)
	}
}

// requireRoot skips a test that only root can do, and lets other users into a directory of its own.
func requireRoot(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	other := exec.Command(built.gild, "--version")
	other.SysProcAttr = nobody
	if out, err := other.CombinedOutput(); err != nil {
		t.Skipf("needs a Python that others than root can read: %v\n%s", err, out)
	}
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// finish ends the story as most end: gild stops on TERM.
func (s *story) finish() {
	for name := range s.connections {
		s.hangUp(name)
	}
	if s.gild == nil {
		s.begin()
	}
	s.gild.stop()
	s.gild.ended = true
	for _, line := range s.never {
		if compile(line, s.known).within(s.gild.log(), names{}) {
			s.t.Errorf("%s: the log must not have %q:\n%s", s.file, line, s.gild.log())
		}
	}
	if s.changed && !s.t.Failed() {
		if err := os.WriteFile(s.file, txtar.Format(s.archive), 0o666); err != nil {
			s.t.Error(err)
		}
	}
}

// perform plays one section: a verb with a name, or a file.
func (s *story) perform(section *txtar.File) error {
	verb, name, _ := strings.Cut(section.Name, " ")
	switch verb {
	case "with", "cmd", "env":
		return nil
	}
	if verb == "certificate" {
		return s.certify(name, section)
	}
	act, ok := verbs[verb]
	if !ok {
		return s.write(section.Name, section.Data)
	}
	if s.gild == nil {
		s.begin()
	}
	return act(s, name, section)
}

// verbs are the sections that do something, in the order in which doc.go explains them.
var verbs = map[string]func(*story, string, *txtar.File) error{
	"request":  (*story).request,
	"send":     (*story).send,
	"response": (*story).response,
	"refused":  (*story).refused,
	"connect":  (*story).connect,
	"head":     (*story).head,
	"body":     (*story).body,
	"end":      (*story).end,
	"close":    func(s *story, name string, _ *txtar.File) error { s.hangUp(name); return nil },
	"reset":    func(s *story, name string, _ *txtar.File) error { return s.leave(name, talk.reset) },
	"shut":     func(s *story, name string, _ *txtar.File) error { return s.leave(name, talk.shut) },
	"closed":   func(s *story, name string, _ *txtar.File) error { return s.leave(name, talk.closed) },
	"log":      func(s *story, how string, f *txtar.File) error { return s.lines(f, "log "+how, s.gild.log) },
	"access":   func(s *story, _ string, f *txtar.File) error { return s.lines(f, access, s.gild.access) },
	"stdout":   func(s *story, _ string, f *txtar.File) error { return s.lines(f, "stdout", s.gild.stdout.String) },
	"stderr":   func(s *story, _ string, f *txtar.File) error { return s.lines(f, "stderr", s.gild.stderr.String) },
	"signal":   (*story).signal,
	"exit":     (*story).exit,

	"processes": (*story).processes,
	"gone":      (*story).gone,
	"touch":     (*story).touch,
	"asked":     (*story).askedBackend,
	"got":       (*story).gotBackend,
	"answer":    (*story).answerBackend,
	"say":       (*story).sayBackend,
	"leave":     (*story).leaveBackend,
	"left":      (*story).leftBackend,
	"remove":    (*story).remove,
	"gild":      (*story).command,
}

// write creates or replaces a file, at once and not piece by piece; one written after gild has started is an edit, with another
// time of change.
func (s *story) write(name string, data []byte) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	text := strings.ReplaceAll(string(data), "$DIR", s.dir)
	if s.gild != nil {
		text = strings.ReplaceAll(text, "$HTTPS", s.known["https"])
	}
	if err := os.WriteFile(path+"~", []byte(text), modeOf(text)); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

// modeOf makes programs of files that say what runs them.
func modeOf(text string) os.FileMode {
	if strings.HasPrefix(text, "#!") {
		return 0o777
	}
	return 0o666
}

// command line and environment of gild, as the sections say.
func (s *story) commandLine() (args, env []string) {
	args = []string{"start-server", "app.wsgi"}
	for _, f := range s.archive.Files {
		switch f.Name {
		case "cmd":
			args = words(string(f.Data))
		case "env":
			env = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		}
	}
	if args[0] == "start-server" {
		args = append(args, s.args...)
	}
	return args, env
}

// begin starts gild when the first section needs it.
func (s *story) begin() {
	args, env := s.commandLine()
	backends, err := s.openBackends(args)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range args {
		args[i] = backends.Replace(args[i])
		if strings.Contains(args[i], "$BUSY") {
			args[i] = strings.ReplaceAll(args[i], "$BUSY", s.busyPort())
		}
	}
	for i := range env {
		env[i] = strings.ReplaceAll(env[i], "$DIR", s.dir)
	}
	s.gild = start(s.t, s.dir, env, args, s.become)
	s.known["port"], s.known["https"] = strconv.Itoa(s.gild.port), strconv.Itoa(s.gild.https)
	s.known["dir"] = s.dir
	s.tell(findProtocol(s.protocol))
}

// busyPort is a port that something else listens on for as long as the story lasts; {busy} in expected text.
func (s *story) busyPort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	s.known["busy"] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	return s.known["busy"]
}

// words splits a command line as a shell would, as far as double and single quotes go.
func words(line string) []string {
	var list []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line + "\n" {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && (r == ' ' || r == '\n'):
			if open {
				list = append(list, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	return list
}

// retry calls try until it gives nil, and gives up with its last error when patience ends.
func retry(try func() error) error { return retryFor(patience, try) }

// retryFor is retry with another patience, for what takes its time.
func retryFor(length time.Duration, try func() error) error {
	for end := time.Now().Add(length); ; time.Sleep(10 * time.Millisecond) {
		err := try()
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}
