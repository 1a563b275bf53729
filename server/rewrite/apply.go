package rewrite

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An Outcome is what the rules have made of a request.
type Outcome struct {
	Status   int    // of the answer: a redirect to Location, or a refusal. 0: the request goes on
	Location string // of a redirect: a URL, escaped

	Changed     bool   // the request goes on at Path, with Query
	Path, Query string // the path is decoded
	End         bool   // the rules are not to be applied again

	Variables []Variable // set by the rules, in their order
	Cookies   []string   // values for Set-Cookie fields of the response, whatever it is
	Handler   string     // what is to answer, H; "": what would
	MediaType string     // of the file that answers, T; "": what it has
	Vary      []string   // header fields on which the outcome depends
}

// A Variable is one that a rule has set, or unset.
type Variable struct {
	Name, Value string
	Unset       bool
}

// Errors of rules that go on and on.
var (
	ErrLoop = errors.New("the rules began again more often than flag N allows, or for longer than a second")
	ErrLong = errors.New("the rules made an address of more than 64 KiB")
)

// Bounds of what rules may make of a request: with flag N they could double an address 10000 times.
const (
	longest  = 64 << 10    // bytes of path and query
	mostTime = time.Second // for rules that begin again
)

// state is a request while rules are applied to it.
type state struct {
	rules    *Rules
	request  *Request
	name     string // the path, a URL with a scheme, or what a rule has made of it
	absolute bool   // name was written with a slash at its beginning, or as a URL: nothing is stripped from it
	query    string
	changed  bool
	status   int
	noEscape bool // of the last rule that matched

	rule, cond, matched []string // groups: of the rule, of the last condition that matched, of the one being looked at
	fields              []string // header fields that were looked at
	outcome             Outcome
}

// Apply runs the rules once. It fails if they begin again too often, if what they make is too long, or if a pattern takes too long.
func (r *Rules) Apply(request *Request) (Outcome, error) {
	s := &state{rules: r, request: request, name: request.Path, query: request.Query}
	if !r.Enabled() {
		return s.outcome, nil
	}
	if err := s.run(); err != nil {
		return Outcome{}, err
	}
	s.conclude()
	return s.outcome, nil
}

// run applies one rule after the other.
func (s *state) run() error {
	rounds, begun := 0, time.Now()
	for i := 0; i < len(s.rules.rules); i++ {
		r := &s.rules.rules[i]
		matched, err := s.apply(r)
		switch {
		case err != nil:
			return err
		case len(s.name)+len(s.query) > longest:
			return ErrLong
		case !matched:
			i += s.chain(i)
		case r.refuses(), r.last, r.end:
			s.outcome.End = r.end
			return nil
		case r.next:
			if rounds++; rounds > r.rounds || time.Since(begun) > mostTime {
				return ErrLoop
			}
			i = -1
		default:
			i += r.skip
		}
	}
	return nil
}

// chain is how many rules are chained to the i-th, which has not matched.
func (s *state) chain(i int) int {
	n := 0
	for i+n < len(s.rules.rules) && s.rules.rules[i+n].chained {
		n++
	}
	return n
}

// refuses reports whether the rule answers with an error.
func (r *rule) refuses() bool { return r.status >= 400 }

// apply applies one rule, and reports whether it matched.
func (s *state) apply(r *rule) (bool, error) {
	looked := len(s.fields)
	groups, err := r.pattern.match(s.subject())
	if err != nil || (groups != nil) == r.negated {
		return false, err
	}
	if s.rule = groups; r.negated {
		s.rule = nil
	}
	if ok, err := allHold(r.conditions, s); err != nil || !ok {
		s.fields = s.fields[:looked]
		return false, err
	}
	s.set(r)
	if r.refuses() {
		s.status = r.status
	} else {
		s.substitute(r)
	}
	return true, nil
}

// subject is what a pattern is matched against: the path in the directory.
func (s *state) subject() string {
	if s.absolute {
		return s.name
	}
	base := s.request.Base
	if s.changed {
		base = s.base() // the substitution before was relative to that
	}
	return strings.TrimPrefix(s.name, strings.TrimSuffix(base, "/")+"/")
}

// base is the URL path that relative substitutions are relative to.
func (s *state) base() string {
	if s.rules.base != "" {
		return s.rules.base
	}
	return s.request.Base
}

// path is the path as it is now, "" for a URL of another site.
func (s *state) path() string {
	if isURL(s.name) {
		return ""
	}
	return s.name
}

// set sets the variables of a rule that matched, and what else it says besides the address.
func (s *state) set(r *rule) {
	for _, a := range r.variables {
		s.outcome.setVariable(Variable{a.name, a.value.expand(s, plain), a.unset})
	}
	for _, c := range r.cookies {
		s.outcome.addCookie(makeCookie(c.expand(s, plain), time.Now()))
	}
	if r.handler != "" {
		s.outcome.Handler = r.handler
	}
	if !r.mediaType.empty() {
		s.outcome.MediaType = strings.ToLower(r.mediaType.expand(s, plain))
	}
	s.noEscape = r.noEscape
}

// setVariable adds one, or puts it in the place of the one before of that name: with flag N there could be thousands.
func (o *Outcome) setVariable(v Variable) {
	i := slices.IndexFunc(o.Variables, func(old Variable) bool { return old.Name == v.Name })
	if i >= 0 {
		o.Variables[i] = v
		return
	}
	o.Variables = append(o.Variables, v)
}

// addCookie adds one, unless there is one of that name or it is empty; httpd keeps the first, too.
func (o *Outcome) addCookie(cookie string) {
	name, _, _ := strings.Cut(cookie, "=")
	if cookie != "" && !slices.ContainsFunc(o.Cookies, func(old string) bool { return strings.HasPrefix(old, name+"=") }) {
		o.Cookies = append(o.Cookies, cookie)
	}
}

// substitute changes the address.
func (s *state) substitute(r *rule) {
	if r.unchanged {
		return
	}
	query := s.query
	if r.discardQuery {
		s.query = ""
	}
	inPath, inQuery := plain, plain
	if r.escapeGroups {
		inQuery = escapeGroup
		if r.status != 0 {
			inPath = escapeGroup // of other paths the escapes would have to be taken off again
		}
	}
	name := r.path.expand(s, inPath)
	if r.hasQuery {
		s.query = joinQuery(r.query.expand(s, inQuery), query, r.appendQuery && !r.discardQuery)
	}
	s.rename(name, r.status)
	s.changed = true
}

// rename makes name, the result of a substitution, the address. With a status it is one for a redirect: a URL, at which the
// following rules look, as with httpd.
func (s *state) rename(name string, status int) {
	s.absolute = strings.HasPrefix(name, "/") || isURL(name)
	if !s.absolute {
		name = strings.TrimSuffix(s.base(), "/") + "/" + name
	}
	if own, ok := s.ownURL(name); ok {
		name = own
	}
	if status != 0 && !isURL(name) {
		name, s.absolute = s.request.Origin+name, true
	}
	if s.status = status; s.status == 0 && isURL(name) {
		s.status = http.StatusFound
	}
	s.name = name
}

// joinQuery is the query of a substitution, with the one before it if it is to be kept. An ampersand at the end, which is left
// where a group is empty, is taken off.
func joinQuery(query, before string, keep bool) string {
	switch {
	case keep && query == "":
		query = before
	case keep:
		query += "&" + before
	}
	return strings.TrimSuffix(query, "&")
}

// conclude makes the outcome.
func (s *state) conclude() {
	o := &s.outcome
	o.Vary = s.fields
	switch {
	case s.status >= 400:
		o.Status = s.status
	case s.status != 0:
		o.Status, o.Location = s.status, s.location()
	case s.query != s.request.Query && (hasControl(s.query) || strings.Contains(s.query, " ")):
		o.Status = http.StatusForbidden // nobody means a query with such characters; httpd refuses it, too
	default:
		o.Changed = s.changed && s.name != s.request.Path || s.query != s.request.Query
		o.Path, o.Query = s.name, s.query
	}
}
