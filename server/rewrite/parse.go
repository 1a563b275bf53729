package rewrite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rules are the rewrite rules of a directory. They do not change and may be applied by any goroutine.
type Rules struct {
	enabled bool
	base    string // RewriteBase; "": Request.Base
	rules   []rule
	notes   []string
}

// Enabled reports whether there is anything to apply: RewriteEngine is on, and there are rules.
func (r *Rules) Enabled() bool { return r != nil && r.enabled && len(r.rules) > 0 }

// RunsPrograms reports whether a rule has files run as CGI scripts.
func (r *Rules) RunsPrograms() bool {
	return slices.ContainsFunc(r.rules, func(r rule) bool { return r.handler == CGIScript })
}

// Notes are sentences about what was read and has no meaning, each with name and line.
func (r *Rules) Notes() []string { return r.notes }

// Parse reads rules from the text of a file of that name. The error has a line for each complaint, with name and line.
func Parse(name, text string) (*Rules, error) {
	p := parser{name: name, rules: &Rules{}}
	for _, l := range splitLines(text, p.complain) {
		p.directive(l)
	}
	if len(p.conditions) > 0 {
		p.complain(p.at, errors.New("there is no RewriteRule for this RewriteCond"))
	}
	if len(p.rules.rules) > 0 && !p.rules.enabled {
		p.note(1, "the rules are without effect, because there is no 'RewriteEngine On'")
	}
	slices.SortStableFunc(p.complaints, func(a, b complaint) int { return a.line - b.line })
	return p.rules, p.joined()
}

// A complaint is about one line.
type complaint struct {
	line int
	err  error
}

type parser struct {
	name       string
	rules      *Rules
	conditions []condition // for the next rule
	at         int         // line of the last one
	complaints []complaint
}

func (p *parser) complain(number int, err error) {
	if err != nil {
		p.complaints = append(p.complaints, complaint{number, err})
	}
}

// joined is all complaints as one error, nil if there are none.
func (p *parser) joined() error {
	var errs []error
	for _, c := range p.complaints {
		errs = append(errs, fmt.Errorf("%s:%d: %w", p.name, c.line, c.err))
	}
	return errors.Join(errs...)
}

func (p *parser) note(number int, text string) {
	p.rules.notes = append(p.rules.notes, fmt.Sprintf("%s:%d: %s", p.name, number, text))
}

// directive reads one line.
func (p *parser) directive(l line) {
	args := l.words[1:]
	switch strings.ToLower(l.words[0]) {
	case "rewriteengine":
		p.engine(l.number, args)
	case "rewritebase":
		p.base(l.number, args)
	case "rewritecond":
		c, err := parseCondition(args)
		p.complain(l.number, err)
		p.conditions, p.at = append(p.conditions, c), l.number
	case "rewriterule":
		r, err := parseRule(args, p.conditions)
		p.complain(l.number, err)
		p.rules.rules, p.conditions = append(p.rules.rules, r), nil
	case "rewriteoptions":
		p.options(l.number, args)
	case "<ifmodule", "</ifmodule>":
		p.module(l.number, l.words)
	case "rewritemap":
		p.complain(l.number, errors.New("RewriteMap has no place in the rules of a directory"))
	default:
		p.complain(l.number, fmt.Errorf("'%s' is no directive for rewrite rules; RewriteEngine, RewriteBase, RewriteCond, RewriteRule and RewriteOptions are", l.words[0]))
	}
}

func (p *parser) engine(number int, args []string) {
	switch {
	case len(args) == 1 && strings.EqualFold(args[0], "on"):
		p.rules.enabled = true
	case len(args) == 1 && strings.EqualFold(args[0], "off"):
		p.rules.enabled = false
	default:
		p.complain(number, errors.New("RewriteEngine must be On or Off"))
	}
}

func (p *parser) base(number int, args []string) {
	if len(args) != 1 || !strings.HasPrefix(args[0], "/") {
		p.complain(number, errors.New("RewriteBase takes one URL path, which begins with a slash"))
		return
	}
	p.rules.base = args[0]
}

// options notes that there is nothing to be inherited here.
func (p *parser) options(number int, args []string) {
	known := []string{"Inherit", "InheritBefore", "InheritDown", "InheritDownBefore", "IgnoreInherit", "MergeBase", "AllowNoSlash",
		"AllowAnyURI", "IgnoreContextInfo", "LegacyPrefixDocRoot", "LongURLOptimization"}
	for _, arg := range args {
		found := false
		for _, name := range known {
			found = found || strings.EqualFold(arg, name)
		}
		if !found {
			p.complain(number, fmt.Errorf("'%s' is no option of RewriteOptions; %s are", arg, strings.Join(known, ", ")))
			continue
		}
		p.note(number, "RewriteOptions "+arg+" is without effect, because there is one file of rules for the whole site")
	}
}

// module lets those sections pass that are about mod_rewrite, which gild is: rules are often copied with them.
func (p *parser) module(number int, words []string) {
	text := strings.ToLower(strings.Join(words, " "))
	if text != "</ifmodule>" && text != "<ifmodule mod_rewrite.c>" && text != "<ifmodule rewrite_module>" {
		p.complain(number, fmt.Errorf("'%s': no section has a place here but <IfModule mod_rewrite.c>", strings.Join(words, " ")))
	}
}
