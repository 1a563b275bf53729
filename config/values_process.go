package config

import (
	"fmt"
	"os/user"
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

// becomeUser finds out whom the workers run as. Only root can choose; anyone else may name himself.
func (r *request) becomeUser() {
	account, err := r.account()
	if err != nil {
		r.complain("--user", err)
		return
	}
	group, err := r.primaryGroup(account)
	if err != nil {
		r.complain("--group", err)
		return
	}
	r.User, r.Group = account.Username, group.Name
	if r.env.UID != 0 {
		r.complain("--user", mismatch("user", account.Username, account.Uid, r.env.UID))
		r.complain("--group", r.ownGroup(group))
		return
	}
	if !r.given["--user"] && !r.given["--group"] {
		r.warn("", "gild is started by root without --user, so the application runs as root")
		return
	}
	r.Credential, err = r.credential(account, group)
	r.complain("--user", err)
}

// account is the user of --user, or the one that started gild, who need not be in the user database.
func (r *request) account() (*user.User, error) {
	self := strconv.Itoa(r.env.UID)
	name := r.User
	if name == "" {
		name = "#" + self
	}
	id, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		found, err := r.env.LookupUser(name)
		if err != nil {
			return nil, fmt.Errorf("there is no user '%s' on this machine", name)
		}
		return found, nil
	}
	if _, err := integer(id, 0, 1<<32-2); err != nil {
		return nil, err
	}
	if found, err := r.env.LookupUserID(id); err == nil {
		return found, nil
	}
	anonymous := &user.User{Uid: id, Username: name}
	if id == self {
		anonymous.Gid = strconv.Itoa(r.env.GID)
	}
	return anonymous, nil
}

// primaryGroup is the group of --group, or that of the account.
func (r *request) primaryGroup(account *user.User) (*user.Group, error) {
	name := r.Group
	if name == "" {
		name = "#" + account.Gid
	}
	id, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		found, err := r.env.LookupGroup(name)
		if err != nil {
			return nil, fmt.Errorf("there is no group '%s' on this machine", name)
		}
		return found, nil
	}
	if id == "" {
		return nil, fmt.Errorf("user %s has no entry in the user database, so its group has to be given", account.Username)
	}
	if _, err := integer(id, 0, 1<<32-2); err != nil {
		return nil, err
	}
	if found, err := r.env.LookupGroupID(id); err == nil {
		return found, nil
	}
	return &user.Group{Gid: id, Name: name}, nil
}

// mismatch is the complaint of someone who is not root and asks to be someone else.
func mismatch(kind, name, id string, own int) error {
	if id == strconv.Itoa(own) {
		return nil
	}
	return fmt.Errorf("only root can run the application as %s '%s'; start gild as root, or as that %s", kind, name, kind)
}

// ownGroup complains about --group of someone who is not root, unless it changes nothing.
func (r *request) ownGroup(group *user.Group) error {
	if !r.given["--group"] {
		return nil
	}
	return mismatch("group", group.Name, group.Gid, r.env.GID)
}

// credential is the identity in numbers, with the supplementary groups the user database gives to the account.
func (r *request) credential(account *user.User, group *user.Group) (*Credential, error) {
	ids := []string{account.Uid, group.Gid}
	if !strings.HasPrefix(account.Username, "#") {
		more, err := r.env.GroupIDs(account)
		if err != nil {
			return nil, fmt.Errorf("the groups of user '%s' cannot be read: %w", account.Username, err)
		}
		ids = append(ids, more...)
	}
	numbers := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user '%s' has the id '%s', which is not a number", account.Username, id)
		}
		numbers[i] = uint32(n)
	}
	return &Credential{UID: numbers[0], GID: numbers[1], Groups: unique(numbers[1:])}, nil
}

// unique is the numbers in ascending order, each once.
func unique(numbers []uint32) []uint32 {
	sorted := slices.Clone(numbers)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
