package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// request is a command line while it is being read: the Config in the making, and the answers that have to wait until
// all options are known.
type request struct {
	Config
	env        Env
	all        []*row
	given      map[string]bool   // names of the options that were there
	where      map[string]string // and where the last of each was, if not on the command line
	at         string            // the same of the word that is being read
	depth      int               // options files that are being read
	operands   []string          // words that are no options
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
	rotateLogs     bool
	mapHead        string
	withPHP        bool

	https       HTTPS     // what Config.HTTPS will be, if HTTPS is asked for
	automatic   Automatic // the same of HTTPS.Automatic
	privateKeys []string  // --ssl-certificate-key-file as given
	chains      []string  // --ssl-certificate-chain-file as given
}

// Parse makes a Config of the words after "gild", of which verb is the first. It follows mod_wsgi-express: options and
// operands in any order, --option=value, abbreviations, -- before words that only look like options, and environment
// variables expanded in every word after the verb. Beyond that it reads the files of --options-file, the environment, the
// user database, the current directory and pyvenv.cfg, the last four through env. To read the options files again, call
// it again with the same arguments.
//
// The error is ErrHelp or a *UsageError. Parse reports all complaints it can find at once.
func Parse(verb string, args []string, env Env) (*Config, error) {
	r := newRequest(verb, args, env)
	if err := r.read(r.expanded(plain(args))); err != nil {
		return nil, r.fatal(err)
	}
	r.derive()
	r.complain("", r.travels())
	if len(r.complaints) > 0 {
		return nil, r.refusal()
	}
	return &r.Config, nil
}

// newRequest is a request with nothing but the defaults in it.
func newRequest(verb string, args []string, env Env) *request {
	r := &request{env: env, all: rows(table()), given: map[string]bool{}, where: map[string]string{}}
	r.CommandLine = append([]string{verb}, args...)
	r.presets()
	return r
}

// refusal is all complaints as an error.
func (r *request) refusal() error {
	return &UsageError{Verb: r.CommandLine[0], Complaints: r.complaints}
}

// plain is words that are from the command line.
func plain(args []string) []word {
	words := make([]word, len(args))
	for i, arg := range args {
		words[i].text = arg
	}
	return words
}

// group is the process group the options are about, the only one a command line makes.
func (r *request) group() *ProcessGroup { return &r.Groups[0] }

// expanded is the words with environment variables put in.
func (r *request) expanded(words []word) []word {
	for i := range words {
		words[i].text = expand(words[i].text, r.env.Lookup)
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
func (r *request) presets() {
	r.Python.DestroyInterpreter, r.ScriptReloading, r.https.HTTP3 = true, true, true
	r.Groups = make([]ProcessGroup, 1)
	for _, o := range r.all {
		r.preset(o)
	}
}

// preset gives a row its default.
func (r *request) preset(o *row) {
	if o.preset == "" {
		return
	}
	if err := o.set(r, strings.Fields(o.preset)); err != nil {
		panic("config: default of " + o.name + ": " + err.Error()) // a mistake in the table
	}
}

// read goes through the words. What cannot be told apart into options and values ends it at once; a value that will
// not do is noted, so that all of them are reported together. The error is ErrHelp or an *Error.
func (r *request) read(words []word) error {
	for len(words) > 0 {
		first := words[0]
		words, r.at = words[1:], first.at
		var err error
		switch {
		case first.text == "--":
			r.operands = append(r.operands, texts(words)...)
			words = nil
		case first.text == "-h":
			return ErrHelp
		case strings.HasPrefix(first.text, "-") && first.text != "-":
			words, err = r.option(first.text, words)
		default:
			r.operands = append(r.operands, first.text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// texts is the words without their places.
func texts(words []word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.text
	}
	return all
}

// fatal ends the reading with err as the last complaint.
func (r *request) fatal(err error) error {
	if complaint, ok := err.(*Error); ok {
		r.complaints = append(r.complaints, complaint)
		return r.refusal()
	}
	return err
}

// option obeys one option and returns the words after its values.
func (r *request) option(text string, words []word) ([]word, error) {
	name, value, explicit := strings.Cut(text, "=")
	if !strings.HasPrefix(name, "--") {
		return nil, r.here("", unknown(r.all, name))
	}
	o, err := find(r.all, name)
	if err != nil {
		return nil, r.here("", err)
	}
	if explicit {
		if o.arity() == 0 {
			return nil, r.here(o.name, errors.New("the option does not take a value"))
		}
		words = append([]word{{value, r.at}}, words...)
	}
	n := o.arity()
	if len(words) < n {
		return nil, r.here(o.name, fmt.Errorf("the option requires %s: %s", plural(n, "argument"), o.values))
	}
	return words[n:], r.obey(o, texts(words[:n]))
}

// here is a complaint about the word that is being read.
func (r *request) here(option string, err error) *Error {
	return complain(join(r.at, option), "%s", err)
}

// obey does with an option what its row says. The error is ErrHelp or nil.
func (r *request) obey(o *row, values []string) error {
	first := !r.given[o.name]
	r.given[o.name], r.where[o.name] = true, r.at
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

// complain notes a complaint about an option, or about place, if there is one. An *Error may have a place of its own.
func (r *request) complain(place string, err error) {
	if err == nil {
		return
	}
	complaint, ok := err.(*Error)
	if !ok {
		complaint = complain("", "%s", err)
	}
	if complaint.Place == "" {
		complaint.Place = place
	}
	complaint.Place = join(r.where[complaint.Place], complaint.Place)
	r.complaints = append(r.complaints, complaint)
}

// warn notes a line for the user that does not prevent the start.
func (r *request) warn(place, format string, args ...any) {
	r.Warnings = append(r.Warnings, complain(join(r.where[place], place), format, args...).Error())
}

// join is a place within a place.
func join(outer, inner string) string {
	if outer == "" || inner == "" {
		return outer + inner
	}
	return outer + ": " + inner
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
