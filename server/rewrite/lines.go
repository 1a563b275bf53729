package rewrite

import (
	"errors"
	"strings"
)

// A line is one directive in Apache's syntax: a name and its arguments.
type line struct {
	number int // of the first of the lines that a backslash at the end has joined
	words  []string
}

// splitLines takes a text apart. Empty lines and comments, which begin with #, are left out. Lines whose quotes are not closed are
// complained about.
func splitLines(text string, complain func(number int, err error)) []line {
	var lines []line
	raw := strings.Split(text, "\n")
	for i := 0; i < len(raw); i++ {
		first := i + 1
		joined := strings.TrimSuffix(raw[i], "\r")
		for strings.HasSuffix(joined, `\`) && i+1 < len(raw) {
			i++
			joined = strings.TrimSuffix(joined, `\`) + strings.TrimSuffix(raw[i], "\r")
		}
		joined = strings.TrimSpace(joined)
		if joined == "" || joined[0] == '#' {
			continue
		}
		words, err := splitWords(joined)
		if err != nil {
			complain(first, err)
			continue
		}
		lines = append(lines, line{first, words})
	}
	return lines
}

var errOpenQuote = errors.New("a quote is not closed")

// splitWords splits at blanks outside quotes of either kind. A backslash stays, as patterns are full of them, and a blank behind it
// divides nothing; so mod_rewrite takes its arguments apart, other than httpd those of most directives. What it refuses, a quote
// behind a backslash inside quotes, is that quote.
func splitWords(s string) ([]string, error) {
	var words []string
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		word, rest, closed := cutPlain(s)
		if s[0] == '"' || s[0] == '\'' {
			word, rest, closed = cutQuoted(s[1:], s[0])
		}
		if !closed {
			return nil, errOpenQuote
		}
		words, s = append(words, word), rest
	}
	return words, nil
}

const blanks = " \t"

// cutPlain returns a word without quotes, and what comes after it.
func cutPlain(s string) (word, rest string, closed bool) {
	i := 0
	for ; i < len(s) && strings.IndexByte(blanks, s[i]) < 0; i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(blanks, s[i+1]) >= 0 {
			i++
		}
	}
	return s[:i], s[i:], true
}

// cutQuoted returns what stands before the closing quote, and what comes after it.
func cutQuoted(s string, quote byte) (word, rest string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch escapes := s[i] == '\\' && i+1 < len(s); {
		case escapes && s[i+1] == quote:
			i++
		case escapes:
			b.WriteByte(s[i])
			i++
		case s[i] == quote:
			return b.String(), s[i+1:], true
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
