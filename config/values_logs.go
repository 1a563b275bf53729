package config

import (
	"fmt"
	"slices"
	"strings"
)

// logModules are the parts of gild that have a name in the error log, logs.Record.Module. Where Apache has such a module, it is its name.
var logModules = []string{"cgi", "core", "http3", "mpm", "php", "proxy", "reqtimeout", "rewrite", "ssl", "wsgi"}

// setLogLevel reads what Apache's LogLevel takes: a level for all, and "module:level" for single modules. They come in one
// word, as if LogLevel had it in quotes.
func setLogLevel(r *request, v []string) error {
	words := strings.Fields(v[0])
	if len(words) == 0 {
		return fmt.Errorf("the value is empty")
	}
	overall, modules := "", map[string]string{}
	for _, word := range words {
		module, name, single := strings.Cut(word, ":")
		if !single {
			module, name = "", word
		}
		level, err := choose(levels(), name)
		if err == nil && single {
			module, err = logModule(module)
		}
		switch {
		case err != nil:
			return err
		case single:
			modules[module] = level
		default:
			overall = level
		}
	}
	r.Log.Level = logLevels(overall, modules)
	return nil
}

// logModule is the name of a module, which may be called as in Apache: wsgi_module, mod_wsgi.c.
func logModule(word string) (string, error) {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(word), "_module"), ".c")
	name = strings.TrimPrefix(name, "mod_")
	if !slices.Contains(logModules, name) {
		return "", fmt.Errorf("'%s' is no module of gild: give one of %s, or a level for all", word, strings.Join(logModules, ", "))
	}
	return name, nil
}

// logLevels is the canonical text. A level for all that is not given is the usual one.
func logLevels(overall string, modules map[string]string) string {
	if overall == "" {
		overall = "warn"
	}
	text := overall
	for _, module := range logModules {
		if level := modules[module]; level != "" {
			text += " " + module + ":" + level
		}
	}
	return text
}

// levels are Apache's names for how much is logged, the most important first.
func levels() []choice {
	names := strings.Fields("emerg alert crit error warn notice info debug trace1 trace2 trace3 trace4 trace5 trace6 trace7 trace8")
	all := make([]choice, len(names))
	for i, name := range names {
		all[i].name = name
	}
	return all
}

// setMaxLogSize takes megabytes, up to a terabyte.
func setMaxLogSize(r *request, v []string) error {
	n, err := integer(v[0], 1, 1<<20)
	r.Log.Rotate = n << 20
	return err
}
