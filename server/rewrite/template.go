package rewrite

import (
	"fmt"
	"strings"
)

// A template is a text into which something of the request is put: $1, %1, %{NAME}. A backslash takes the meaning from what follows it.
type template []part

// A part is a piece of a template.
type part struct {
	kind partKind
	text string // a literal, or the name of a variable
	n    int    // number of a group
}

type partKind uint8

const (
	literal      partKind = iota
	ruleGroup             // $N: of the rule's pattern
	condGroup             // %N: of the last condition that matched
	variablePart          // %{NAME}
)

// parseTemplate reads a template. The error says what cannot be in one.
func parseTemplate(s string) (template, error) {
	var t template
	for i := 0; i < len(s); {
		p, n, err := parsePart(s[i:])
		if err != nil {
			return nil, err
		}
		t = t.add(p)
		i += n
	}
	return t, nil
}

// add appends a part; neighbouring literals become one.
func (t template) add(p part) template {
	if n := len(t); p.kind == literal && n > 0 && t[n-1].kind == literal {
		t[n-1].text += p.text
		return t
	}
	return append(t, p)
}

// parsePart reads the part at the beginning of s, which is not empty, and returns how long it is.
func parsePart(s string) (part, int, error) {
	if len(s) < 2 || s[0] != '\\' && s[0] != '$' && s[0] != '%' {
		return part{kind: literal, text: s[:1]}, 1, nil
	}
	switch next := s[1]; {
	case s[0] == '\\':
		return part{kind: literal, text: s[1:2]}, 2, nil
	case next >= '0' && next <= '9' && s[0] == '$':
		return part{kind: ruleGroup, n: int(next - '0')}, 2, nil
	case next >= '0' && next <= '9':
		return part{kind: condGroup, n: int(next - '0')}, 2, nil
	case next == '{' && s[0] == '$':
		return part{}, 0, fmt.Errorf("'%s' needs a RewriteMap, which has no place in the rules of a directory", s)
	case next == '{':
		return parseVariable(s)
	}
	return part{kind: literal, text: s[:1]}, 1, nil
}

// parseVariable reads %{NAME}.
func parseVariable(s string) (part, int, error) {
	name, _, closed := strings.Cut(s[2:], "}")
	if !closed {
		return part{}, 0, fmt.Errorf("'%s' has no closing brace", s)
	}
	if err := checkVariable(name); err != nil {
		return part{}, 0, err
	}
	return part{kind: variablePart, text: name}, len(name) + len("%{}"), nil
}

// expand makes the text. escape is applied to what comes from groups.
func (t template) expand(s *state, escape func(string) string) string {
	if len(t) == 1 && t[0].kind == literal {
		return t[0].text
	}
	var b strings.Builder
	for _, p := range t {
		switch p.kind {
		case literal:
			b.WriteString(p.text)
		case ruleGroup:
			b.WriteString(escape(group(s.rule, p.n)))
		case condGroup:
			b.WriteString(escape(group(s.cond, p.n)))
		case variablePart:
			b.WriteString(s.variable(p.text))
		}
	}
	return b.String()
}

// group is the n-th group of a match, "" if there is none.
func group(groups []string, n int) string {
	if n < len(groups) {
		return groups[n]
	}
	return ""
}

// plain is the escape that changes nothing.
func plain(s string) string { return s }

// cutQuery divides a template at the first question mark that is written in it.
func (t template) cutQuery() (path, query template, found bool) {
	for i, p := range t {
		if p.kind != literal {
			continue
		}
		if before, after, ok := strings.Cut(p.text, "?"); ok {
			path = append(append(path, t[:i]...), part{kind: literal, text: before})
			query = append(template{{kind: literal, text: after}}, t[i+1:]...)
			return path, query, true
		}
	}
	return t, nil, false
}

// empty reports whether nothing is written in the template.
func (t template) empty() bool {
	return len(t) == 0 || len(t) == 1 && t[0].kind == literal && t[0].text == ""
}
