package config

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

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
	if !r.given["--user"] {
		r.warn("", "gild is started by root without --user, so the application runs as root")
	}
	if !r.given["--user"] && !r.given["--group"] {
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
		ids = append(ids, without(more, account.Gid)...)
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
