package config

import (
	"fmt"
	"slices"
	"strings"
)

// setAuthGroup takes the name of a group. Scripts compare it with what they return, which is Latin-1 (S1).
func setAuthGroup(r *request, v []string) error {
	switch {
	case strings.TrimSpace(v[0]) == "":
		return fmt.Errorf("the name is empty")
	case !isLatin1(v[0]):
		return fmt.Errorf("'%s' has a character that is not in Latin-1, which the names of groups are compared in", v[0])
	}
	r.Access.Group = v[0]
	return nil
}

func isLatin1(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > 0xff })
}

// addDigestAlgorithm adds one, whatever its case; the order is not the user's business (RFC 7616 section 3.7: the server's
// preference comes first).
func addDigestAlgorithm(r *request, v []string) error {
	name, err := choose([]choice{{name: SHA256}, {name: MD5}}, v[0])
	if err == nil && !slices.Contains(r.Access.Algorithms, name) {
		r.Access.Algorithms = append(r.Access.Algorithms, name)
	}
	return err
}
