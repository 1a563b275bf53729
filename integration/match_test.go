package integration

import (
	"fmt"
	"regexp"
	"strings"
)

// names are the values that a story has captured with {name}, by name.
type names map[string]string

// token finds what is special in expected text: an escaped star, a star, {name} and {not name}.
var token = regexp.MustCompile(`\\\*|\*|\{(not )?[a-z][a-z0-9]*\}`)

// pattern is expected text made into a regular expression, with the groups that need more than a match.
type pattern struct {
	re     *regexp.Regexp
	groups []group
}

// group says what one parenthesis of a pattern means: keep its text under name, or (not) insist that it differs.
type group struct {
	name string
	not  bool
}

// compile makes text into a pattern. A "*" is any run of characters of a line, a line that is just "*" is any
// number of lines, {name} is what was captured under that name or else captures a word, and {not name} is a word
// that differs from it. Everything else stands for itself.
func compile(text string, known names) *pattern {
	p := &pattern{}
	var expr strings.Builder
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		last := i == len(lines)-1
		switch {
		case line == "*" && !last:
			expr.WriteString(`(?s:(?:.*\n)?)`)
		case line == "*":
			expr.WriteString(`(?s:.*)`)
		default:
			p.line(&expr, line, known)
			expr.WriteString(separator(lines[i+1:]))
		}
	}
	p.re = regexp.MustCompile(expr.String())
	return p
}

// separator is what stands between a line and the rest of the text: a newline, which the rest brings itself along
// if it is one "*" and may be nothing.
func separator(rest []string) string {
	switch {
	case len(rest) == 0:
		return ""
	case len(rest) == 1 && rest[0] == "*":
		return `(?:\n|\z)`
	}
	return `\n`
}

// line appends the expression for one line of expected text.
func (p *pattern) line(expr *strings.Builder, line string, known names) {
	end := 0
	for _, at := range token.FindAllStringIndex(line, -1) {
		expr.WriteString(regexp.QuoteMeta(line[end:at[0]]))
		expr.WriteString(p.special(line[at[0]:at[1]], known))
		end = at[1]
	}
	expr.WriteString(regexp.QuoteMeta(line[end:]))
}

// special is the expression for one token.
func (p *pattern) special(tok string, known names) string {
	switch tok {
	case `\*`:
		return `\*`
	case `*`:
		return `[^\n]*`
	}
	name, not := strings.CutPrefix(strings.Trim(tok, "{}"), "not ")
	if value, ok := known[name]; ok && !not {
		return regexp.QuoteMeta(value)
	}
	p.groups = append(p.groups, group{name, not})
	return `([^\s"',:\]]+)`
}

// whole reports whether all of text matches, and keeps what was captured in known.
func (p *pattern) whole(text string, known names) bool {
	re := regexp.MustCompile(`\A(?:` + p.re.String() + `)\z`)
	return p.keep(re.FindStringSubmatch(text), known)
}

// within reports whether some part of text matches, and keeps what was captured in known.
func (p *pattern) within(text string, known names) bool {
	return p.keep(p.re.FindStringSubmatch(text), known)
}

// keep checks the {not name} groups of a match and stores the others.
func (p *pattern) keep(match []string, known names) bool {
	if match == nil {
		return false
	}
	for i, g := range p.groups {
		if g.not && match[i+1] == known[g.name] {
			return false
		}
	}
	for i, g := range p.groups {
		if !g.not {
			known[g.name] = match[i+1]
		}
	}
	return true
}

// expand replaces {name} in what a story sends by what it captured; an unknown name is a mistake of the story.
func (known names) expand(text string) (string, error) {
	var missing error
	out := token.ReplaceAllStringFunc(text, func(tok string) string {
		name := strings.Trim(tok, "{}")
		value, ok := known[name]
		switch {
		case !strings.HasPrefix(tok, "{"):
			return tok
		case !ok:
			missing = fmt.Errorf("{%s} has not been captured by an earlier section", name)
		}
		return value
	})
	return out, missing
}
