package logs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Levels say which records an error log keeps: Apache's LogLevel. Notices are kept at every level, as in Apache's log files: they
// say that the server started and stopped, and nobody would look for them elsewhere. The zero value keeps emerg besides.
type Levels struct {
	Level   Level            // of the modules that have none of their own
	Modules map[string]Level // by Record.Module; not changed after the first use
}

// ParseLevels reads the argument of LogLevel: a level, and levels of single modules in the form "module:level", with spaces
// between them. A module may be called as in Apache: wsgi, wsgi_module or mod_wsgi.c. Without a level for all, that is warn.
func ParseLevels(text string) (Levels, error) {
	l := Levels{Level: Warn, Modules: map[string]Level{}}
	for _, word := range strings.Fields(text) {
		module, name, single := strings.Cut(word, ":")
		if !single {
			name = word
		}
		level, err := ParseLevel(name)
		switch {
		case err != nil:
			return Levels{}, err
		case !single:
			l.Level = level
		case moduleName(module) == "":
			return Levels{}, fmt.Errorf("%q has no module before the colon", word)
		default:
			l.Modules[moduleName(module)] = level
		}
	}
	return l, nil
}

// moduleName is the short name of a module.
func moduleName(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(name), "_module"), ".c")
	return strings.TrimPrefix(name, "mod_")
}

// Of is the level of a module.
func (l Levels) Of(module string) Level {
	if level, ok := l.Modules[module]; ok {
		return level
	}
	return l.Level
}

// String is what ParseLevels reads.
func (l Levels) String() string {
	words := []string{l.Level.String()}
	for _, module := range slices.Sorted(maps.Keys(l.Modules)) {
		words = append(words, module+":"+l.Modules[module].String())
	}
	return strings.Join(words, " ")
}

// keeps reports whether a record is kept.
func (l Levels) keeps(r *Record) bool { return r.Level == Notice || r.Level <= l.Of(r.Module) }

// most is the most talkative level that any module has.
func (l Levels) most() Level {
	most := l.Level
	for _, level := range l.Modules {
		most = max(most, level)
	}
	return most
}

// enabled is Logger.Enabled with that level.
func enabled(level, most Level) bool { return level == Notice || level <= most }
