package config

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// becomeUser finds out whom the processes run as. Only root can choose; anyone else may name himself.
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
	r.User, r.Group, r.group().UserHome = account.Username, group.Name, account.HomeDir
	if r.env.UID != 0 {
		r.stay(account, group)
		return
	}
	if !r.given["--user"] {
		r.warn("", "gild is started by root without --user, so the application runs as root")
	}
	if r.given["--user"] || r.given["--group"] || r.supplementary != nil {
		r.Credential = r.credential(account, group)
	}
}

// stay complains of what only root can have.
func (r *request) stay(account *user.User, group *user.Group) {
	r.complain("--user", mismatch("user", account.Username, account.Uid, r.env.UID))
	r.complain("--group", r.ownGroup(group))
	if r.supplementary != nil {
		r.complain("--supplementary-groups", errors.New("only root can choose them; start gild as root, with --user"))
	}
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
	if name == "#" {
		return nil, fmt.Errorf("user %s has no entry in the user database, so its group has to be given", account.Username)
	}
	return r.lookupGroup(name)
}

// lookupGroup is the group of that name, or of the number after #, which need not be in the group database.
func (r *request) lookupGroup(name string) (*user.Group, error) {
	id, numeric := strings.CutPrefix(name, "#")
	if !numeric {
		found, err := r.env.LookupGroup(name)
		if err != nil {
			return nil, fmt.Errorf("there is no group '%s' on this machine", name)
		}
		return found, nil
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

// credential is the identity in numbers. Asking for root by name is refused as mod_wsgi does: an application that may do
// anything is never meant.
func (r *request) credential(account *user.User, group *user.Group) *Credential {
	if r.given["--user"] && account.Uid == "0" {
		r.complain("--user", complain("", "WSGI process blocked from running as root."))
	}
	more, err := r.furtherGroups(account)
	r.complain("--user", err)
	ids := append([]string{account.Uid, group.Gid}, more...)
	numbers := make([]uint32, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			r.complain("--user", fmt.Errorf("user '%s' has the id '%s', which is not a number", account.Username, id))
		}
		numbers[i] = uint32(n)
	}
	return &Credential{UID: numbers[0], GID: numbers[1], Groups: unique(numbers[1:])}
}

// furtherGroups is the ids of --supplementary-groups, or of the groups the user database gives to the account.
func (r *request) furtherGroups(account *user.User) ([]string, error) {
	if r.supplementary != nil {
		return r.groupIDs(*r.supplementary), nil
	}
	if strings.HasPrefix(account.Username, "#") {
		return nil, nil
	}
	ids, err := r.env.GroupIDs(account)
	if err != nil {
		return nil, fmt.Errorf("the groups of user '%s' cannot be read: %w", account.Username, err)
	}
	return without(ids, account.Gid), nil
}

// groupIDs is the ids of the groups in a list with commas. An empty list is none.
func (r *request) groupIDs(list string) []string {
	var ids []string
	for name := range strings.SplitSeq(list, ",") {
		if list == "" {
			break
		}
		group, err := r.lookupGroup(strings.TrimSpace(name))
		if err != nil {
			r.complain("--supplementary-groups", err)
			continue
		}
		ids = append(ids, group.Gid)
	}
	return ids
}

// without leaves one id out. The primary group of the account is no group of the workers when --group names another.
func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(other string) bool { return other == id })
}

// unique is the numbers in ascending order, each once.
func unique(numbers []uint32) []uint32 {
	sorted := slices.Clone(numbers)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
