package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// request is a command line while it is being read: the Config in the making, and the answers that have to wait until
// all options are known.
type request struct {
	Config
	env        Env
	given      map[string]bool // names of the options that were there
	operands   []string        // words that are no options
	complaints []*Error

	entryPoint     string
	mpms           []string
	initialWorkers *float64 // nil: not given
	minimumSpare   *float64
	maximumSpare   *float64
	supplementary  *string // --supplementary-groups as given; nil: not given
	pythonHome     string
	accessLog      bool
	accessFormat   string
	accessLogName  string
	errorLogName   string
	startupLog     bool
	startupLogName string
	mapHead        string
}

// Parse makes a Config of the words after "gild", of which verb is the first. It follows mod_wsgi-express: options and
// operands in any order, --option=value, abbreviations, -- before words that only look like options, and environment
// variables expanded in every word after the verb. Beyond that it reads the environment, the user database, the
// current directory and pyvenv.cfg, all through env.
//
// The error is ErrHelp or a *UsageError. Parse reports all complaints it can find at once.
func Parse(verb string, args []string, env Env) (*Config, error) {
	r := &request{env: env, given: map[string]bool{}}
	all := rows(table())
	r.CommandLine = append([]string{verb}, args...)
	r.presets(all)
	if err := r.read(all, r.expanded(args)); err != nil {
		return nil, err
	}
	r.derive()
	r.complain("", r.travels())
	if len(r.complaints) > 0 {
		return nil, &UsageError{Verb: verb, Complaints: r.complaints}
	}
	return &r.Config, nil
}

// group is the process group the options are about, the only one a command line makes.
func (r *request) group() *ProcessGroup { return &r.Groups[0] }

// expanded is the words with environment variables put in.
func (r *request) expanded(args []string) []string {
	words := make([]string, len(args))
	for i, word := range args {
		words[i] = expand(word, r.env.Lookup)
	}
	return words
}

// travels complains if the Config would not reach another process as it is. That is the case only for text that is
// not UTF-8, in a word of the command line or in a path or variable that it leads to.
func (r *request) travels() error {
	var arrived Config
	data, err := json.Marshal(r.Config)
	if err == nil {
		err = json.Unmarshal(data, &arrived)
	}
	if err == nil && !reflect.DeepEqual(arrived, r.Config) {
		err = fmt.Errorf("a word of the command line, or a path or variable it refers to, is not UTF-8 text")
	}
	return err
}

// presets gives every row its default, in the words a user would write.
func (r *request) presets(all []*row) {
	r.Python.DestroyInterpreter, r.ScriptReloading = true, true
	r.Groups = make([]ProcessGroup, 1)
	for _, o := range all {
		if o.set == nil || o.preset == "" {
			continue
		}
		if err := o.set(r, strings.Fields(o.preset)); err != nil {
			panic("config: default of " + o.name + ": " + err.Error()) // a mistake in the table
		}
	}
}

// read goes through the words. What cannot be told apart into options and values ends it at once; a value that will
// not do is noted, so that all of them are reported together.
func (r *request) read(all []*row, words []string) error {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		var err error
		switch {
		case word == "--":
			r.operands = append(r.operands, words...)
			words = nil
		case word == "-h":
			return ErrHelp
		case strings.HasPrefix(word, "-") && word != "-":
			words, err = r.option(all, word, words)
		default:
			r.operands = append(r.operands, word)
		}
		if err != nil {
			return r.fatal(err)
		}
	}
	return nil
}

// fatal ends the reading with err as the last complaint.
func (r *request) fatal(err error) error {
	if complaint, ok := err.(*Error); ok {
		return &UsageError{Verb: r.CommandLine[0], Complaints: append(r.complaints, complaint)}
	}
	return err
}

// option obeys one option and returns the words after its values.
func (r *request) option(all []*row, word string, words []string) ([]string, error) {
	name, value, explicit := strings.Cut(word, "=")
	if !strings.HasPrefix(name, "--") {
		return nil, unknown(all, name)
	}
	o, err := find(all, name)
	if err != nil {
		return nil, err
	}
	if explicit {
		if o.arity() == 0 {
			return nil, complain(o.name, "the option does not take a value")
		}
		words = append([]string{value}, words...)
	}
	n := o.arity()
	if len(words) < n {
		return nil, complain(o.name, "the option requires %s: %s", plural(n, "argument"), o.values)
	}
	return words[n:], r.obey(o, words[:n])
}

// obey does with an option what its row says. The error is ErrHelp or nil.
func (r *request) obey(o *row, values []string) error {
	first := !r.given[o.name]
	r.given[o.name] = true
	switch {
	case o.set != nil:
		err := o.set(r, values)
		if err == ErrHelp {
			return err
		}
		r.complain(o.name, err)
	case !first: // said already
	case o.later != "":
		r.complain(o.name, fmt.Errorf("refused, because %s %s", notYet, o.later))
	default:
		r.warn(o.name, "%s", o.always+o.dropped)
	}
	if o.check != nil {
		r.complain(o.name, o.check(values[0]))
	}
	return nil
}

// complain notes a complaint, if there is one. An *Error has a place already and keeps it.
func (r *request) complain(place string, err error) {
	complaint, placed := err.(*Error)
	switch {
	case placed:
		r.complaints = append(r.complaints, complaint)
	case err != nil:
		r.complaints = append(r.complaints, complain(place, "%s", err))
	}
}

// warn notes a line for the user that does not prevent the start.
func (r *request) warn(place, format string, args ...any) {
	r.Warnings = append(r.Warnings, complain(place, format, args...).Error())
}

// plural is a number with its noun.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprint(n, " ", noun, "es")
	}
	return fmt.Sprint(n, " ", noun, "s")
}
