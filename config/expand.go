package config

import "regexp"

// variable is what os.path.expandvars looks for: $NAME of ASCII letters, digits and underscores, or ${anything}.
var variable = regexp.MustCompile(`\$(?:[0-9A-Za-z_]+|\{[^}]*\})`)

// expand puts environment variables into a word as Python's os.path.expandvars does: an unknown one stays as it is
// written, and what was put in is not looked at again.
func expand(word string, lookup func(string) (string, bool)) string {
	return variable.ReplaceAllStringFunc(word, func(found string) string {
		name := found[1:]
		if name[0] == '{' {
			name = name[1 : len(name)-1]
		}
		if value, ok := lookup(name); ok {
			return value
		}
		return found
	})
}
