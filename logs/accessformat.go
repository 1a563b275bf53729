package logs

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
)

// The named formats, with Apache's definitions.
const (
	commonFormat   = `%h %l %u %t "%r" %>s %b`
	combinedFormat = commonFormat + ` "%{Referer}i" "%{User-Agent}i"`
)

// An item is one step of a compiled format: it appends its part of the line of e.
type item func(dst []byte, e *Entry) []byte

// AccessFormat is a compiled LogFormat. It does not change and may be used from any goroutine.
type AccessFormat struct {
	items []step
}

// A step is an item, and what its modifiers say. When there was an internal redirect, it is the status of the last request that
// decides whether the item is printed.
type step struct {
	show     item
	original bool  // it looks at the first request, not the last
	statuses []int // print for these only
	negated  bool  // print for all but these
}

// ParseAccessFormat compiles an access-log format: "common", "combined", "json" (see accessjson.go), or a LogFormat string of
// Apache's mod_log_config with the directives of mod_logio and mod_ssl. As there, \n, \t, \r, \\ and \" are escapes, %400,501{X}i prints
// for these statuses only, %!200{X}i for all others; %<X is about the request before internal redirects and %>X about the one
// after them, and without either %s, %U, %T, %D and %r are about the first and the others about the last. %{queue:us}T and its
// kin are additions, see durationItem. The error names the position, counted in bytes from 1.
func ParseAccessFormat(format string) (*AccessFormat, error) {
	switch format {
	case "json":
		return &AccessFormat{[]step{{show: accessJSON(os.Getpid())}}}, nil
	case "common":
		format = commonFormat
	case "combined":
		format = combinedFormat
	}
	p := accessParser{text: format}
	for p.pos < len(p.text) {
		if err := p.step(); err != nil {
			return nil, fmt.Errorf("access log format %q: %w", format, err)
		}
	}
	p.endLiteral()
	return &AccessFormat{p.items}, nil
}

// Append appends the line of e, ended by '\n', to dst. What a client chose (names, headers, paths) is escaped as Apache
// does, so that no request can forge a line.
func (f *AccessFormat) Append(dst []byte, e *Entry) []byte {
	if e.Request == nil {
		headless := *e
		headless.Request = &http.Request{}
		e = &headless
	}
	for i := range f.items {
		dst = f.items[i].append(dst, e)
	}
	return append(dst, '\n')
}

func (s *step) append(dst []byte, e *Entry) []byte {
	switch {
	case len(s.statuses) > 0 && slices.Contains(s.statuses, e.Status) == s.negated:
		return append(dst, '-')
	case s.original && e.Original != nil:
		return s.show(dst, e.Original)
	}
	return s.show(dst, e)
}

// accessParser goes through a format once. literal gathers text up to the next directive.
type accessParser struct {
	text    string
	pos     int
	literal []byte
	items   []step
}

// step takes one character, escape or directive.
func (p *accessParser) step() error {
	c := p.text[p.pos]
	p.pos++
	switch {
	case c == '\\':
		p.escape()
	case c != '%':
		p.literal = append(p.literal, c)
	case strings.HasPrefix(p.text[p.pos:], "%"):
		p.pos++
		p.literal = append(p.literal, '%')
	default:
		return p.directive()
	}
	return nil
}

// escape takes what follows a backslash; an unknown escape stays as it is, as in Apache.
func (p *accessParser) escape() {
	if p.pos < len(p.text) {
		if i := strings.IndexByte(`ntr\"`, p.text[p.pos]); i >= 0 {
			p.literal = append(p.literal, "\n\t\r\\\""[i])
			p.pos++
			return
		}
	}
	p.literal = append(p.literal, '\\')
}

// endLiteral turns the gathered text into an item.
func (p *accessParser) endLiteral() {
	if len(p.literal) == 0 {
		return
	}
	text := string(p.literal)
	p.literal = p.literal[:0]
	p.items = append(p.items, step{show: func(dst []byte, _ *Entry) []byte { return append(dst, text...) }})
}

// directive takes what follows a '%': modifiers in any order, then the name.
func (p *accessParser) directive() error {
	p.endLiteral()
	start := p.pos // of the character after '%', so counted from 1 it is that of the '%'
	mod, err := p.modifiers()
	if err != nil {
		return err
	}
	name := p.name()
	make, known := accessItems[name]
	if !known {
		return fmt.Errorf("%q at character %d is not a directive of LogFormat; those of the common format are %%h %%l %%u %%t %%r %%>s %%b, and a percent sign is %%%%",
			p.text[start-1:p.pos], start)
	}
	it, err := make(mod.arg)
	if err != nil {
		return fmt.Errorf("%q at character %d: %w", p.text[start-1:p.pos], start, err)
	}
	p.items = append(p.items, step{it, mod.wantsOriginal(name), mod.statuses, mod.negated})
	return nil
}

// name takes a directive's name: one character, or three when the first is '^'.
func (p *accessParser) name() string {
	n := 1
	if strings.HasPrefix(p.text[p.pos:], "^") {
		n = 3
	}
	start := p.pos
	p.pos = min(p.pos+n, len(p.text))
	return p.text[start:p.pos]
}

// modifiers are what stands between '%' and the name.
type modifiers struct {
	arg      string // between braces
	statuses []int  // print for these only
	negated  bool   // print for all but these
	which    byte   // '<': about the original request; '>': about the final one; 0: as Apache has it for the directive
}

// wantsOriginal reports whether a directive looks at the request before an internal redirect.
func (m modifiers) wantsOriginal(name string) bool {
	return m.which == '<' || m.which == 0 && strings.Contains("sUTDr", name)
}

// modifiers takes the modifiers.
func (p *accessParser) modifiers() (mod modifiers, err error) {
	for p.pos < len(p.text) && err == nil {
		switch c := p.text[p.pos]; {
		case c == '!':
			mod.negated = !mod.negated
			p.pos++
		case c == '<', c == '>':
			mod.which = c
			p.pos++
		case c == ',':
			p.pos++
		case c >= '0' && c <= '9':
			err = p.status(&mod)
		case c == '{':
			err = p.argument(&mod)
		default:
			return mod, nil
		}
	}
	return mod, err
}

// status takes one status of a condition.
func (p *accessParser) status(mod *modifiers) error {
	start, n := p.pos, 0
	for ; p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' && n < 1000; p.pos++ {
		n = n*10 + int(p.text[p.pos]-'0')
	}
	if n < 100 || n > 999 {
		return fmt.Errorf("the condition at character %d is not a status of three digits", start+1)
	}
	mod.statuses = append(mod.statuses, n)
	return nil
}

// argument takes {text}.
func (p *accessParser) argument(mod *modifiers) error {
	length := strings.IndexByte(p.text[p.pos:], '}')
	if length < 0 {
		return fmt.Errorf("the { at character %d has no }", p.pos+1)
	}
	mod.arg = p.text[p.pos+1 : p.pos+length]
	p.pos += length + 1
	return nil
}
