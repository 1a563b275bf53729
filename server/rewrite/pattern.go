package rewrite

import (
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// patience is how long a backtracking match may take.
const patience = 100 * time.Millisecond

// A pattern is a regular expression. Exactly one of the two is there.
type pattern struct {
	linear       *regexp.Regexp
	backtracking *regexp2.Regexp // for what Go's expressions do not have
}

// compilePattern compiles a regular expression in PCRE's syntax. As with httpd (RegexDefaultOptions), a dot is any character and
// a dollar sign is the end: otherwise %0a in a path would lead around a rule that forbids all that begins in some way.
func compilePattern(text string, ignoreCase bool) (pattern, error) {
	prefix, options := "(?s)", regexp2.RegexOptions(regexp2.RE2|regexp2.Singleline)
	if ignoreCase {
		prefix, options = "(?si)", options|regexp2.IgnoreCase
	}
	_, err := regexp.Compile(text) // first without the prefix, which would be in the error
	if err == nil {
		linear, err := regexp.Compile(prefix + text)
		return pattern{linear: linear}, err
	}
	backtracking, err2 := regexp2.Compile(text, options)
	if err2 != nil {
		return pattern{}, fmt.Errorf("'%s' is no regular expression: %w", text, err)
	}
	backtracking.MatchTimeout = patience
	return pattern{backtracking: backtracking}, nil
}

// match returns the whole match and the groups, nil if there is none. It fails if the match takes too long.
func (p *pattern) match(s string) ([]string, error) {
	if p.linear != nil {
		return p.linear.FindStringSubmatch(s), nil
	}
	return p.backtrack(s)
}

// backtrack is match with the other matcher. That one knows characters only: text that is not UTF-8 has one for each byte, so that the
// groups are what the client has sent.
func (p *pattern) backtrack(s string) ([]string, error) {
	in, out := func(s string) string { return s }, (*regexp2.Group).String
	if !utf8.ValidString(s) {
		in, out = widen, func(g *regexp2.Group) string { return narrow(g.Runes()) }
	}
	m, err := p.backtracking.FindStringMatch(in(s))
	if err != nil { // it has all of s in it
		return nil, fmt.Errorf("the pattern '%s' takes longer than %v", p.backtracking, patience)
	}
	if m == nil {
		return nil, nil
	}
	var groups []string
	for _, g := range m.Groups() {
		groups = append(groups, out(&g))
	}
	return groups, nil
}

// widen makes a character of each byte.
func widen(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// narrow is the reverse of widen.
func narrow(runes []rune) string {
	b := make([]byte, len(runes))
	for i, r := range runes {
		b[i] = byte(r)
	}
	return string(b)
}
