package rewrite

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A rule is one RewriteRule with the conditions above it.
type rule struct {
	conditions []condition
	pattern    pattern
	negated    bool
	unchanged  bool // the substitution is "-"
	path       template
	query      template
	hasQuery   bool // there is a question mark in the substitution

	ignoreCase   bool
	status       int  // R, F, G: of the answer; 0: there is none
	last         bool // L: the next rules are skipped
	end          bool // END: so are those of the rounds to come
	next         bool // N: begin again
	rounds       int  // of N
	chained      bool // C: if this one does not match, those that are chained to it are skipped
	skip         int  // S: so many rules, if it matches
	noEscape     bool // NE
	appendQuery  bool // QSA
	discardQuery bool // QSD
	escapeGroups bool // B
	variables    []assignment
	cookies      []template
	handler      string   // H
	mediaType    template // T
}

// An assignment is a flag E.
type assignment struct {
	name  string
	value template
	unset bool
}

// defaultRounds is how often N begins again at most; httpd's is 10000.
const defaultRounds = 10000

// parseRule reads the arguments of RewriteRule.
func parseRule(args []string, conditions []condition) (rule, error) {
	if len(args) < 2 || len(args) > 3 {
		return rule{}, errors.New("RewriteRule takes a pattern, a substitution and perhaps flags in brackets; what has blanks needs quotes")
	}
	r := rule{conditions: conditions, rounds: defaultRounds}
	given, err := splitFlags(args[2:])
	if err != nil {
		return rule{}, err
	}
	for _, f := range given {
		if err := r.flag(f); err != nil {
			return rule{}, err
		}
	}
	text, negated := strings.CutPrefix(args[0], "!")
	r.negated = negated
	if r.pattern, err = compilePattern(text, r.ignoreCase); err != nil {
		return rule{}, err
	}
	return r, r.substitution(args[1])
}

// substitution reads the second argument.
func (r *rule) substitution(text string) error {
	if text == "-" {
		r.unchanged = true
		return nil
	}
	t, err := parseTemplate(text)
	r.path, r.query, r.hasQuery = t.cutQuery()
	return err
}

// splitFlags takes "[A,B=c]" apart.
func splitFlags(args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	inside, opened := strings.CutPrefix(args[0], "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if !opened || !closed {
		return nil, fmt.Errorf("'%s': flags stand in brackets, with commas and without blanks between them", args[0])
	}
	var flags []string
	for f := range strings.SplitSeq(inside, ",") {
		flags = append(flags, strings.TrimSpace(f))
	}
	return flags, nil
}

// flags are the names of those without a value, long and short.
var flags = map[string]func(*rule){
	"l": func(r *rule) { r.last = true }, "last": func(r *rule) { r.last = true },
	"end": func(r *rule) { r.end = true },
	"f":   func(r *rule) { r.status = http.StatusForbidden }, "forbidden": func(r *rule) { r.status = http.StatusForbidden },
	"g": func(r *rule) { r.status = http.StatusGone }, "gone": func(r *rule) { r.status = http.StatusGone },
	"nc": func(r *rule) { r.ignoreCase = true }, "nocase": func(r *rule) { r.ignoreCase = true },
	"ne": func(r *rule) { r.noEscape = true }, "noescape": func(r *rule) { r.noEscape = true },
	"qsa": func(r *rule) { r.appendQuery = true }, "qsappend": func(r *rule) { r.appendQuery = true },
	"qsd": func(r *rule) { r.discardQuery = true }, "qsdiscard": func(r *rule) { r.discardQuery = true },
	"c": func(r *rule) { r.chained = true }, "chain": func(r *rule) { r.chained = true },
	"n": func(r *rule) { r.next = true }, "next": func(r *rule) { r.next = true },
	"b": func(r *rule) { r.escapeGroups = true },
	"r": func(r *rule) { r.status = http.StatusFound }, "redirect": func(r *rule) { r.status = http.StatusFound },
	// In the rules of a directory these are always so.
	"pt": nothing, "passthrough": nothing, "ns": nothing, "nosubreq": nothing, "dpi": nothing, "discardpath": nothing,
}

func nothing(*rule) {}

// flag reads one flag.
func (r *rule) flag(text string) error {
	name, value, given := strings.Cut(text, "=")
	name = strings.ToLower(name)
	if set := flags[name]; set != nil && !given {
		set(r)
		return nil
	}
	if set := valued[name]; set != nil && given {
		return set(r, value)
	}
	return unknownFlag(text, name)
}

// unknownFlag says what is wrong with a flag.
func unknownFlag(text, name string) error {
	switch name {
	case "p", "proxy":
		return errors.New("flag P: rules cannot pass requests to other servers; --proxy-mount-point can")
	case "e", "env", "co", "cookie", "h", "handler", "t", "type", "s", "skip":
		return fmt.Errorf("flag '%s' needs a value, as in [%s=...]", text, text)
	}
	return fmt.Errorf("'%s' is no flag of RewriteRule; in brackets and with commas between them there may be B, C, CO=, DPI, E=, END, F, G, H=, L, N, NC, NE, NS, PT, QSA, QSD, R, S= and T=", text)
}

// valued are the flags with a value.
var valued = map[string]func(r *rule, value string) error{
	"r": setStatus, "redirect": setStatus,
	"e": addVariable, "env": addVariable,
	"s": setSkip, "skip": setSkip,
	"n": setRounds, "next": setRounds,
	"co": addCookie, "cookie": addCookie,
	"h": setHandler, "handler": setHandler,
	"t": setType, "type": setType,
}

// setStatus reads R=CODE: a redirect, or the status of a refusal.
func setStatus(r *rule, value string) error {
	named := map[string]int{"permanent": http.StatusMovedPermanently, "temp": http.StatusFound, "seeother": http.StatusSeeOther}
	if r.status = named[value]; r.status != 0 {
		return nil
	}
	code, err := strconv.Atoi(value)
	if err != nil || code < 300 || code > 599 || code == http.StatusNotModified {
		return fmt.Errorf("flag R=%s: what can be there is temp, permanent, seeother, a redirect such as 301, or an error such as 404", value)
	}
	r.status = code
	return nil
}

// addVariable reads E=NAME:VALUE, E=NAME and E=!NAME.
func addVariable(r *rule, value string) error {
	name, unset := strings.CutPrefix(value, "!")
	name, text, _ := strings.Cut(name, ":")
	if name == "" || strings.ContainsAny(name, "%$ ") {
		return fmt.Errorf("flag E=%s: what can be there is NAME:VALUE, NAME or !NAME", value)
	}
	t, err := parseTemplate(text)
	r.variables = append(r.variables, assignment{name, t, unset})
	return err
}

func setSkip(r *rule, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return fmt.Errorf("flag S=%s: how many rules are skipped is a number, from 1", value)
	}
	r.skip = n
	return nil
}

func setRounds(r *rule, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > defaultRounds {
		return fmt.Errorf("flag N=%s: how often the rules begin again at most is a number from 1 to %d", value, defaultRounds)
	}
	r.next, r.rounds = true, n
	return nil
}

// What flag H can name.
const (
	WSGIHandler    = "wsgi-handler"    // the application, also where there is a file
	DefaultHandler = "default-handler" // the file as it is
	CGIScript      = "cgi-script"      // the file is run, whatever its name
)

// handlers are those, and Apache's and mod_wsgi's other names for them.
var handlers = map[string]string{WSGIHandler: WSGIHandler, "wsgi-script": WSGIHandler, "application/x-httpd-wsgi": WSGIHandler,
	DefaultHandler: DefaultHandler, "none": DefaultHandler, CGIScript: CGIScript, "application/x-httpd-cgi": CGIScript}

func setHandler(r *rule, value string) error {
	if r.handler = handlers[strings.ToLower(value)]; r.handler == "" {
		return fmt.Errorf("flag H=%s: what can be there is %s, %s or %s", value, WSGIHandler, DefaultHandler, CGIScript)
	}
	return nil
}

func setType(r *rule, value string) (err error) {
	r.mediaType, err = parseTemplate(value)
	return err
}

func addCookie(r *rule, value string) error {
	if len(splitCookie(value)) < 3 {
		return fmt.Errorf("flag CO=%s: what can be there is NAME:VALUE:DOMAIN[:minutes[:path[:secure[:httponly[:samesite]]]]]", value)
	}
	t, err := parseTemplate(value)
	r.cookies = append(r.cookies, t)
	return err
}
