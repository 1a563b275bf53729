package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// setErrorDocument gives a status its page. As in Apache the last one counts.
func setErrorDocument(r *request, v []string) error {
	status, err := integer(v[0], 400, 599)
	if err != nil {
		return fmt.Errorf("%w; it is the status of an error, such as 404", err)
	}
	if err := checkURLPath(v[1]); err != nil {
		return err
	}
	documents := &r.Responses.ErrorDocuments
	i := slices.IndexFunc(*documents, func(d ErrorDocument) bool { return d.Status == int(status) })
	if i >= 0 {
		r.warn("--error-document", "'%s' for %d is not served, because '%s' comes after it", (*documents)[i].URLPath, status, v[1])
		*documents = slices.Delete(*documents, i, i+1)
	}
	*documents = append(*documents, ErrorDocument{Status: int(status), URLPath: v[1]})
	return nil
}

// checkURLPath complains about what cannot be the target of a request to this site.
func checkURLPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return fmt.Errorf("'%s' is no path of this site; it begins with one slash, such as /errors/404.html", path)
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return fmt.Errorf("%q has a character that a URL cannot have; it is written as %%20, %%23 and so on", path)
	}
	if _, err := url.ParseRequestURI(path); err != nil {
		return fmt.Errorf("'%s' has a %% that no two hexadecimal digits follow; a percent sign is written as %%25", path)
	}
	return nil
}
