package integration

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"

	"golang.org/x/tools/txtar"
)

// request sends a request on a connection.
func (s *story) request(name string, section *txtar.File) error {
	text, err := s.known.expand(string(section.Data))
	if err != nil {
		return err
	}
	raw, err := render(text, s.host(name))
	if err != nil {
		return err
	}
	return s.transmit(name, raw)
}

// send sends raw bytes: the lines of the section without their ends, escapes resolved.
func (s *story) send(name string, section *txtar.File) error {
	text, err := s.known.expand(strings.ReplaceAll(string(section.Data), "\n", ""))
	if err != nil {
		return err
	}
	raw, err := unescape(text)
	if err != nil {
		return err
	}
	return s.transmit(name, raw)
}

// refused wants no answer to a request, but an error of this text: the server has reset the stream.
func (s *story) refused(name string, section *txtar.File) error {
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	answer, err := c.head()
	if err == nil {
		return fmt.Errorf("it is answered: %s", answer.Status)
	}
	return s.outcomeDiffers(strings.TrimSpace(string(section.Data)), err.Error())
}

func (s *story) transmit(name string, raw []byte) error {
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	s.sent[name] = raw
	return c.send(raw)
}

// answer is what a response section expects, or what has been received, as text.
type answer struct {
	status     string
	fields     []string // "Name: value", or "!Name" for one that must be absent
	torn       bool
	closed     bool
	eventually bool
	decoded    bool // the body is compared as it is without its content codings
	body       string
}

// expected parses a response section.
func expected(text string) (want answer, err error) {
	head, body, _ := strings.Cut(text, "\n\n")
	want.body = strings.TrimRight(body, "\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	want.status = lines[0]
	for _, line := range lines[1:] {
		switch line {
		case "(torn)":
			want.torn = true
		case "(closed)":
			want.closed = true
		case "(eventually)":
			want.eventually = true
		case "(decoded)":
			want.decoded = true
		default:
			want.fields = append(want.fields, line)
			if !strings.Contains(line, ": ") && !strings.HasPrefix(line, "!") {
				err = fmt.Errorf("%q is neither a header field nor a condition", line)
			}
		}
	}
	return want, err
}

// response reads a whole answer from a connection and compares it.
func (s *story) response(name string, section *txtar.File) error {
	want, err := expected(string(section.Data))
	if err != nil {
		return err
	}
	got, err := s.receive(name, want)
	if want.eventually {
		err = retry(func() error {
			if err == nil && s.differs(want, got) == nil {
				return nil
			}
			got, err = s.again(name, want)
			if err == nil {
				err = s.differs(want, got)
			}
			return err
		})
	}
	if err == nil && want.decoded {
		got.body, err = decode(got)
	}
	if err != nil {
		return err
	}
	return s.compare(section, want, got)
}

// again repeats the last request of a connection on a new one.
func (s *story) again(name string, want answer) (answer, error) {
	s.hangUp(name)
	if err := s.transmit(name, s.sent[name]); err != nil {
		return answer{}, err
	}
	return s.receive(name, want)
}

// receive reads head and body of an answer.
func (s *story) receive(name string, want answer) (got answer, err error) {
	c, err := s.connection(name)
	if err != nil {
		return got, err
	}
	response, err := c.head()
	if err != nil {
		return got, err
	}
	got.status, got.fields = statusLine(response), fields(response)
	if got.body, got.torn, err = c.rest(); err == nil && want.closed {
		err = c.closed()
		got.closed = true
	}
	got.body = strings.TrimRight(got.body, "\n")
	return got, err
}

func statusLine(r *http.Response) string {
	return strings.TrimSpace(r.Proto + " " + r.Status)
}

// compare checks an answer; with -u a wrong one becomes what is expected from now on.
func (s *story) compare(section *txtar.File, want, got answer) error {
	err := s.differs(want, got)
	if err == nil || !*update {
		return err
	}
	s.changed = true
	section.Data = got.format()
	return nil
}

// differs says how an answer is not the wanted one.
func (s *story) differs(want, got answer) error {
	switch {
	case !compile(want.status, s.known).whole(got.status, s.known):
		return fmt.Errorf("got the status line %q, want %q:\n%s", got.status, want.status, got.format())
	case want.torn != got.torn:
		return fmt.Errorf("torn is %v, want %v:\n%s", got.torn, want.torn, got.format())
	}
	if err := s.fieldsDiffer(want.fields, got.fields); err != nil {
		return fmt.Errorf("%w:\n%s", err, got.format())
	}
	if !compile(want.body, s.known).whole(got.body, s.known) {
		return fmt.Errorf("the body is not the expected one; got:\n%s\nwant:\n%s", got.body, want.body)
	}
	return nil
}

// fieldsDiffer checks each wanted line against the fields of that name; two wanted lines need two fields.
func (s *story) fieldsDiffer(want, got []string) error {
	used := map[int]bool{}
	for _, line := range want {
		if name, absent := strings.CutPrefix(line, "!"); absent {
			if at := s.find(name+": *", got, nil); at >= 0 {
				return fmt.Errorf("got the header field %q, want none", got[at])
			}
			continue
		}
		at := s.find(line, got, used)
		if at < 0 {
			return fmt.Errorf("the header field %q is missing", line)
		}
		used[at] = true
	}
	return nil
}

// find is the index of the first unused field that matches, or -1.
func (s *story) find(line string, got []string, used map[int]bool) int {
	name, value, _ := strings.Cut(line, ":")
	line = http.CanonicalHeaderKey(name) + ":" + value
	for i, field := range got {
		if !used[i] && compile(line, s.known).whole(field, s.known) {
			return i
		}
	}
	return -1
}

// format makes an answer into the text of a response section, without Date: it is never the same twice.
func (a answer) format() []byte {
	lines := []string{a.status}
	for _, field := range a.fields {
		if !strings.HasPrefix(field, "Date: ") {
			lines = append(lines, field)
		}
	}
	for condition, holds := range map[string]bool{"(torn)": a.torn, "(closed)": a.closed} {
		if holds {
			lines = append(lines, condition)
		}
	}
	text := strings.Join(lines, "\n") + "\n"
	if a.body != "" {
		text += "\n" + a.body + "\n"
	}
	return []byte(text)
}

// head reads and compares status line and header fields and leaves the body to body and end.
func (s *story) head(name string, section *txtar.File) error {
	want, err := expected(string(section.Data))
	if err != nil {
		return err
	}
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	response, err := c.head()
	if err != nil {
		return err
	}
	return s.compare(section, want, answer{status: statusLine(response), fields: fields(response)})
}

// body waits for exactly as much of the body as the section has, without newlines at its end, while the rest has
// perhaps not been made yet.
func (s *story) body(name string, section *txtar.File) error {
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	want := strings.TrimRight(string(section.Data), "\n")
	got, err := c.part(len(want))
	if err != nil || got != want {
		return fmt.Errorf("got %q, %v, want %q", got, err, want)
	}
	return nil
}

// end reads what is left of the body; the first line may be "(torn)".
func (s *story) end(name string, section *txtar.File) error {
	text, wantTorn := strings.CutPrefix(string(section.Data), "(torn)\n")
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	got, torn, err := c.rest()
	if err != nil || torn != wantTorn {
		return fmt.Errorf("torn is %v, want %v; %v; the body went on with %q", torn, wantTorn, err, got)
	}
	if !compile(strings.TrimRight(text, "\n"), s.known).whole(strings.TrimRight(got, "\n"), s.known) {
		return fmt.Errorf("the body went on with %q, want %q", got, text)
	}
	return nil
}

// leave does something to a connection that has no answer.
func (s *story) leave(name string, how func(talk) error) error {
	c, err := s.connection(name)
	if err != nil {
		return err
	}
	return how(c)
}

// lines waits until the lines of the section have come in a log, in their order, if its kind has one, and after those of earlier
// sections of the same kind. Lines with "!" must not have come when the story ends.
func (s *story) lines(section *txtar.File, kind string, read func() string) error {
	for line := range strings.Lines(string(section.Data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		if never, ok := strings.CutPrefix(line, "!"); ok {
			s.never = append(s.never, never)
		} else if err := s.line(line, kind, read); err != nil {
			return err
		}
	}
	return nil
}

// Kinds of lines that come in no particular order. A connection may write its line of the access log, which it does when the
// last byte is out, after the client has had an answer on another.
const (
	anywhere = "log anywhere"
	access   = "access"
)

// usedLine is a line of a log, by the place of its beginning, that has been what some section of the kind wanted.
type usedLine struct {
	kind string
	at   int
}

// line waits for one line, and uses it up; "^" at its start means that the line has nothing before it.
func (s *story) line(want, kind string, read func() string) error {
	ordered := kind != anywhere && kind != access
	return retry(func() error {
		text := read()
		for at := s.logSeen[kind]; at < len(text); {
			line, _, whole := strings.Cut(text[at:], "\n")
			if !whole {
				break
			}
			this := usedLine{kind, at}
			at += len(line) + 1
			if s.logUsed[this] || !s.lineMatches(want, line) {
				continue
			}
			s.logUsed[this] = true
			if ordered {
				s.logSeen[kind] = at
			}
			return nil
		}
		return fmt.Errorf("no line %q besides those that earlier ones have used; there is:\n%s", want, text[s.logSeen[kind]:])
	})
}

func (s *story) lineMatches(want, line string) bool {
	if whole, ok := strings.CutPrefix(want, "^"); ok {
		return compile(whole, s.known).whole(line, s.known)
	}
	return compile(want, s.known).within(line, s.known)
}

// signals are the names that a signal section may use.
var signals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "SEGV": syscall.SIGSEGV, "STOP": syscall.SIGSTOP,
	"CONT": syscall.SIGCONT, "WINCH": syscall.SIGWINCH, "XCPU": syscall.SIGXCPU,
}

// signal sends signals, one a line: a name and whom gild.signal knows, or a captured process number.
func (s *story) signal(_ string, section *txtar.File) error {
	text, err := s.known.expand(string(section.Data))
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		name, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		sig, ok := signals[name]
		if !ok {
			return fmt.Errorf("%q is not a signal", name)
		}
		if err := s.gild.signal(sig, target); err != nil {
			return err
		}
	}
	return nil
}

// exit waits for the end of gild and compares its exit status.
func (s *story) exit(_ string, section *txtar.File) error {
	want := strings.TrimSpace(string(section.Data))
	got, err := s.gild.wait()
	if err != nil || got != want {
		return fmt.Errorf("exit status %s, %v, want %s\nstdout:\n%s\nstderr:\n%s",
			got, err, want, s.gild.stdout.String(), s.gild.stderr.String())
	}
	return nil
}
