package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mpms are the models of which process serves what, in the order of preference.
var mpms = []choice{{name: "event"}, {"worker", "the worker MPM"}, {"prefork", prefork}}

// addMPM notes a preference. As in mod_wsgi-express several of them are a filter, not a ranking (S49).
func addMPM(r *request, v []string) error {
	if _, err := choose(allOf(mpms), v[0]); err != nil {
		return err
	}
	r.mpms = append(r.mpms, strings.ToLower(v[0]))
	return nil
}

// allOf is the same choices with none refused.
func allOf(choices []choice) []choice {
	all := slices.Clone(choices)
	for i := range all {
		all[i].later = ""
	}
	return all
}

// chooseMPM takes the first model of ours that was named, or simply the first.
func (r *request) chooseMPM() {
	for _, m := range mpms {
		if len(r.mpms) > 0 && !slices.Contains(r.mpms, m.name) {
			continue
		}
		name, err := choose(mpms, m.name)
		r.complain("--server-mpm", err)
		r.MPM = name
		return
	}
}

// setUmask reads octal digits, with or without Python's 0o.
func setUmask(r *request, v []string) error {
	digits := strings.TrimPrefix(v[0], "0o")
	n, err := strconv.ParseUint(digits, 8, 16)
	if err != nil || n > 0o777 {
		return fmt.Errorf("'%s' is not an octal number from 000 to 777", v[0])
	}
	mask := int(n)
	r.Umask = &mask
	return nil
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
