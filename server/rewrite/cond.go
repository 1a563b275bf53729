package rewrite

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// A condition is one RewriteCond.
type condition struct {
	subject template
	test    func(s *state, subject string) (bool, error)
	negated bool
	or      bool // this one or the next
	noVary  bool
}

// parseCondition reads the arguments of RewriteCond.
func parseCondition(args []string) (condition, error) {
	if len(args) < 2 || len(args) > 3 {
		return condition{}, errors.New("RewriteCond takes a text, a pattern and perhaps flags in brackets; a pattern with blanks needs quotes")
	}
	if strings.EqualFold(args[0], "expr") {
		return condition{}, errors.New("RewriteCond expr: expressions are not known here; write a condition for each comparison")
	}
	subject, err := parseTemplate(args[0])
	if err != nil {
		return condition{}, err
	}
	c := condition{subject: subject}
	ignoreCase, err := c.flags(args[2:])
	if err != nil {
		return condition{}, err
	}
	text, negated := strings.CutPrefix(args[1], "!")
	c.negated = negated
	c.test, err = parseTest(text, ignoreCase)
	return c, err
}

// flags reads NC, OR and NV.
func (c *condition) flags(args []string) (ignoreCase bool, err error) {
	given, err := splitFlags(args)
	for _, f := range given {
		switch strings.ToLower(f) {
		case "nc", "nocase":
			ignoreCase = true
		case "or", "ornext":
			c.or = true
		case "nv", "novary":
			c.noVary = true
		default:
			return false, fmt.Errorf("'%s' is no flag of RewriteCond; NC, OR and NV are", f)
		}
	}
	return ignoreCase, err
}

type test = func(s *state, subject string) (bool, error)

// parseTest reads a pattern of RewriteCond without its "!".
func parseTest(text string, ignoreCase bool) (test, error) {
	switch {
	case len(text) == 2 && text[0] == '-':
		return parseFileTest(text)
	case len(text) > 3 && text[0] == '-' && numeric[text[1:3]] != nil:
		return parseNumberTest(text)
	case text != "" && strings.ContainsRune("<>=", rune(text[0])):
		return parseOrderTest(text, ignoreCase)
	}
	p, err := compilePattern(text, ignoreCase)
	return func(s *state, subject string) (bool, error) { return s.matchCondition(&p, subject) }, err
}

// matchCondition remembers the groups for %N.
func (s *state) matchCondition(p *pattern, subject string) (bool, error) {
	groups, err := p.match(subject)
	if groups != nil {
		s.matched = groups
	}
	return groups != nil, err
}

// parseFileTest reads -d, -f and their kin. A link is looked at itself with -h, -l and -L only.
func parseFileTest(text string) (test, error) {
	var holds func(fs.FileInfo) bool
	stat := os.Stat
	switch text[1] {
	case 'd':
		holds = fs.FileInfo.IsDir
	case 'f', 'F':
		holds = func(i fs.FileInfo) bool { return i.Mode().IsRegular() }
	case 's':
		holds = func(i fs.FileInfo) bool { return i.Mode().IsRegular() && i.Size() > 0 }
	case 'x':
		holds = func(i fs.FileInfo) bool { return i.Mode().IsRegular() && i.Mode().Perm()&0o111 != 0 }
	case 'h', 'l', 'L':
		stat, holds = os.Lstat, func(i fs.FileInfo) bool { return i.Mode()&fs.ModeSymlink != 0 }
	default:
		return nil, fmt.Errorf("'%s' is no test of RewriteCond; -d -f -s -x -l are, and -eq -ne -lt -le -gt -ge with a number", text)
	}
	return func(_ *state, subject string) (bool, error) {
		info, err := stat(subject)
		return err == nil && holds(info), nil
	}, nil
}

// numeric are the comparisons of numbers.
var numeric = map[string]func(order int) bool{
	"eq": func(o int) bool { return o == 0 }, "ne": func(o int) bool { return o != 0 },
	"lt": func(o int) bool { return o < 0 }, "le": func(o int) bool { return o <= 0 },
	"gt": func(o int) bool { return o > 0 }, "ge": func(o int) bool { return o >= 0 },
}

// parseNumberTest reads "-eq 1". What is no number counts as 0, as atoi has it.
func parseNumberTest(text string) (test, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text[3:]))
	if err != nil {
		return nil, fmt.Errorf("'%s' needs a whole number after %s", text, text[:3])
	}
	holds := numeric[text[1:3]]
	return func(_ *state, subject string) (bool, error) {
		value, _ := strconv.Atoi(strings.TrimSpace(subject))
		return holds(cmp.Compare(value, n)), nil
	}, nil
}

// parseOrderTest reads "<text", ">=text" and their kin: the order of bytes. "=" with nothing or with "" behind it is the empty text.
func parseOrderTest(text string, ignoreCase bool) (test, error) {
	operator := text[:1]
	if len(text) > 1 && text[1] == '=' && operator != "=" {
		operator = text[:2]
	}
	operand := text[len(operator):]
	if operand == `""` {
		operand = ""
	}
	t, err := parseTemplate(operand)
	if err != nil {
		return nil, err
	}
	holds := map[string]func(int) bool{"<": numeric["lt"], ">": numeric["gt"], "=": numeric["eq"], "<=": numeric["le"], ">=": numeric["ge"]}[operator]
	return func(s *state, subject string) (bool, error) {
		other := t.expand(s, plain)
		if ignoreCase {
			subject, other = strings.ToLower(subject), strings.ToLower(other)
		}
		return holds(cmp.Compare(subject, other)), nil
	}, nil
}

// holds evaluates one condition.
func (c *condition) holds(s *state) (bool, error) {
	looked := len(s.fields)
	result, err := c.test(s, c.subject.expand(s, plain))
	if c.noVary {
		s.fields = s.fields[:looked]
	}
	if c.negated && result {
		s.matched = nil // what did not have to match has no groups
	}
	if result != c.negated && s.matched != nil {
		s.cond = s.matched
	}
	s.matched = nil
	return result != c.negated, err
}

// allHold evaluates the conditions of a rule: a chain with OR holds if one of it does, and all chains have to.
func allHold(conditions []condition, s *state) (bool, error) {
	s.cond = nil
	for i := 0; i < len(conditions); i++ {
		ok, err := conditions[i].holds(s)
		if err != nil {
			return false, err
		}
		if !ok && !conditions[i].or {
			return false, nil
		}
		for ok && conditions[i].or && i+1 < len(conditions) {
			i++ // the rest of the chain does not matter
		}
	}
	return true, nil
}
