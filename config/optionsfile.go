package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// word is a word of a command line, and where it is from if it is not from the command line itself.
type word struct {
	text string
	at   string // "file:line", or ""
}

// Bounds of --options-file: no sensible file is near them, and a file that names itself, or /dev/zero, gets no further.
const (
	deepest     = 8       // files within files
	largestFile = 1 << 20 // bytes
)

// readOptionsFile obeys the options in a file, as if its words stood where --options-file stands. Its complaints name
// the file and the line.
func readOptionsFile(r *request, v []string) error {
	if v[0] == "" {
		return fmt.Errorf("the path is empty")
	}
	if r.depth == deepest {
		return fmt.Errorf("'%s' is the %dth of files that name each other; the most is %d", v[0], deepest+1, deepest)
	}
	words, err := fileWords(r.absolute(v[0]))
	if err != nil {
		return err
	}
	at := r.at
	r.depth++
	err = r.read(r.expanded(words))
	r.depth--
	r.at = at
	return err
}

// fileWords is the words of a file. Only a regular file will do: it is read again when the configuration is reloaded.
// The error has a place if it is about a line.
func fileWords(path string) ([]word, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("'%s' is not UTF-8 text", path)
	}
	return splitWords(path, string(text))
}

// splitWords cuts a text into words much as a shell does. White space separates them, line ends as well. Single quotes
// keep everything, double quotes everything but \" and \\, a backslash the one character after it; a backslash at the
// end of a line joins the next to it. A word that begins with # is a comment to the end of the line. Quotes end on
// their line, so that a forgotten one is found where it is. The error is an *Error.
func splitWords(file, text string) ([]word, error) {
	text = strings.TrimPrefix(text, "\ufeff") // what some editors begin a UTF-8 text with
	s := scanner{file: file, line: 1, rest: strings.ReplaceAll(text, "\r\n", "\n")}
	var words []word
	for s.skip() {
		at := s.place()
		text, err := s.word()
		if err != nil {
			return nil, err
		}
		words = append(words, word{text, at})
	}
	return words, nil
}

// scanner goes through the text of a file.
type scanner struct {
	file string
	line int    // of rest, from 1
	rest string // not yet read
}

// blanks are what separates words.
const blanks = " \t\r\n\f\v"

// place is where rest begins.
func (s *scanner) place() string { return fmt.Sprintf("%s:%d", s.file, s.line) }

// take removes the first n bytes of rest and returns them.
func (s *scanner) take(n int) string {
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	s.line += strings.Count(taken, "\n")
	return taken
}

// skip goes to the next word, and says whether there is one.
func (s *scanner) skip() bool {
	for s.rest != "" {
		switch {
		case strings.ContainsRune(blanks, rune(s.rest[0])):
			s.take(1)
		case strings.HasPrefix(s.rest, "\\\n"):
			s.take(2)
		case s.rest[0] == '#':
			line, _, _ := strings.Cut(s.rest, "\n")
			s.take(len(line))
		default:
			return true
		}
	}
	return false
}

// word reads to the next blank outside quotes.
func (s *scanner) word() (string, error) {
	var b strings.Builder
	for s.rest != "" && !strings.ContainsRune(blanks, rune(s.rest[0])) {
		piece, err := s.piece()
		if err != nil {
			return "", err
		}
		b.WriteString(piece)
	}
	return b.String(), nil
}

// piece reads a quotation, an escaped character, or what is neither.
func (s *scanner) piece() (string, error) {
	switch s.rest[0] {
	case '\'', '"':
		return s.quotation()
	case '\\':
		return s.escaped()
	}
	if n := strings.IndexAny(s.rest, blanks+`'"\`); n >= 0 {
		return s.take(n), nil
	}
	return s.take(len(s.rest)), nil
}

// quotation reads from one quote to the next of its kind.
func (s *scanner) quotation() (string, error) {
	at, quote := s.place(), s.take(1)
	var b strings.Builder
	for s.rest != "" && s.rest[0] != '\n' {
		escape := quote == `"` && (strings.HasPrefix(s.rest, `\"`) || strings.HasPrefix(s.rest, `\\`))
		if escape {
			s.take(1)
		}
		c := s.take(1)
		if c == quote && !escape {
			return b.String(), nil
		}
		b.WriteString(c)
	}
	return "", complain(at, "there is a %s that nothing closes on its line", quote)
}

// escaped reads a backslash and the character it keeps. The end of a line is not kept.
func (s *scanner) escaped() (string, error) {
	at := s.place()
	s.take(1)
	if s.rest == "" {
		return "", complain(at, "there is nothing after the backslash at the end of the file")
	}
	_, n := utf8.DecodeRuneInString(s.rest)
	return strings.TrimSuffix(s.take(n), "\n"), nil
}
