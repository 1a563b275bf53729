package config

import "strings"

// row is one option: everything the parser, the help and the tests know about it. Exactly one of set, always, dropped
// and later says what becomes of it.
type row struct {
	name   string // with its dashes
	values string // names of the values it takes, separated by spaces; "" is a flag
	repeat bool   // each use adds; otherwise the last one wins
	preset string // the default, given to set before the command line is read; "": see help
	help   string // for people; one or two sentences
	since  string // release of mod_wsgi that brought it; "": an option of gild
	until  string // release of mod_wsgi that had it last; "": current
	hidden bool   // accepted, but another spelling is the one to use
	daemon bool   // it is about daemon processes, so it has no effect in embedded mode
	https  tie    // what it has to do with HTTPS

	check func(value string) error // of a dropped option: whether mod_wsgi-express would take the value; nil: any

	set     func(r *request, values []string) error
	always  string // accepted, because what it asks for is always so: a sentence that says this
	dropped string // accepted with a warning: why it has no meaning here
	later   string // refused: the feature it belongs to, which is not in this version
}

// tie is what an option has to do with a feature that may be there or not.
type tie int

const (
	untied     tie = iota // nothing
	asksHTTPS             // if it is given, there is HTTPS
	needsHTTPS            // if it is given and there is no HTTPS, it has no effect
)

// arity is how many words follow the option.
func (o *row) arity() int { return len(strings.Fields(o.values)) }

// current says whether mod_wsgi-express 6.0.5 has the option.
func (o *row) current() bool { return o.since != "" && o.until == "" }

// section is a heading of the help with its rows.
type section struct {
	title string
	rows  []row
}

// table is every option there is, in the order of the help.
func table() []section {
	return []section{
		{"Application", applicationOptions()},
		{"Interpreter", interpreterOptions()},
		{"Listener and HTTP", listenerOptions()},
		{"HTTPS", httpsOptions()},
		{"Automatic certificates", certificateOptions()},
		{"Processes and threads", processOptions()},
		{"Limits of a process", limitOptions()},
		{"Timeouts of connections", timeoutOptions()},
		{"Static files", staticOptions()},
		{"Handlers of files", handlerOptions()},
		{"Responses", responseOptions()},
		{"Access and authentication", accessOptions()},
		{"Proxying", proxyOptions()},
		{"Trusted proxies", trustOptions()},
		{"Logging", logOptions()},
		{"Server root and tools", serverRootOptions()},
		{"Debugging", debugOptions()},
		{"Services, metrics, telemetry", serviceOptions()},
		{"Former options", formerOptions()},
	}
}

// rows is the table without its headings.
func rows(sections []section) []*row {
	var all []*row
	for _, s := range sections {
		for i := range s.rows {
			all = append(all, &s.rows[i])
		}
	}
	return all
}

// find is the row that word means: the option of that name, or the only one that begins so. An abbreviation that
// means something to mod_wsgi-express means the same here, whatever options gild adds: they, and those mod_wsgi-express
// has no more, are considered only when none of its own fits.
func find(all []*row, word string) (*row, error) {
	var current, other []*row
	for _, o := range all {
		switch {
		case o.name == word:
			return o, nil
		case !strings.HasPrefix(o.name, word) || len(word) <= len("--"):
		case o.current():
			current = append(current, o)
		default:
			other = append(other, o)
		}
	}
	if len(current) == 0 {
		current = other
	}
	return only(all, current, word)
}

// only is the single candidate, or the complaint about none or several.
func only(all, candidates []*row, word string) (*row, error) {
	switch len(candidates) {
	case 0:
		return nil, unknown(all, word)
	case 1:
		return candidates[0], nil
	}
	names := make([]string, len(candidates))
	for i, o := range candidates {
		names[i] = o.name
	}
	return nil, complain("", "ambiguous option: %s (%s?)", word, strings.Join(names, ", "))
}
