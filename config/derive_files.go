package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// addAlias takes a URL path in the form of --mount-point, and where that is (S94).
func addAlias(r *request, v []string) error {
	switch {
	case strings.ContainsAny(v[0], "?#%"):
		return fmt.Errorf("'%s' has one of ?, # and %%; it is the decoded path of a URL without a query", v[0])
	case v[1] == "":
		return errors.New("the path of the file or directory is empty")
	}
	alias := Alias{URLPath: path.Clean("/" + v[0]), Path: r.absolute(v[1])}
	for _, other := range r.Files.Aliases {
		if other.URLPath == alias.URLPath && other.Path != alias.Path {
			return fmt.Errorf("'%s' is '%s' already; it can be one thing only", alias.URLPath, other.Path)
		}
	}
	if !slices.Contains(r.Files.Aliases, alias) {
		r.Files.Aliases = append(r.Files.Aliases, alias)
	}
	return nil
}

// setIndex takes the name of a file, not a path.
func setIndex(r *request, v []string) error {
	if v[0] == "" || v[0] == "." || v[0] == ".." || strings.Contains(v[0], "/") {
		return fmt.Errorf("'%s' is not the name of a file; it is looked for in each directory", v[0])
	}
	if strings.HasPrefix(v[0], ".") {
		return fmt.Errorf("'%s' begins with a dot, and names that do are not found; give the file another name", v[0])
	}
	r.Files.Index = v[0]
	return nil
}

// files says which files there are, once it is known where the server root is.
func (r *request) files() {
	f := &r.Files
	if f.DocumentRoot == "" {
		f.DocumentRoot = r.defaultDocumentRoot() // S93
	}
	slices.SortStableFunc(f.Aliases, func(a, b Alias) int {
		return cmp.Or(cmp.Compare(len(b.URLPath), len(a.URLPath)), cmp.Compare(a.URLPath, b.URLPath))
	})
	for _, alias := range f.Aliases {
		r.warnOfAlias(alias)
	}
	f.MimeDigest = digest(f.MimeTypes)
	r.directories()
	r.handledFiles()
	r.exposed()
}

// digest is the SHA-256 of a file in hex, or "": Check says what is wrong with it. The text itself may be too long for a Config.
func digest(path string) string {
	if path == "" {
		return ""
	}
	text, err := readRegular(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// warnOfAlias says what is probably not meant.
func (r *request) warnOfAlias(alias Alias) {
	if !isFile(alias.Path) && !isDir(alias.Path) {
		r.warn("--url-alias", "there is no '%s'; what is at %s is answered 404 until there is", alias.Path, alias.URLPath)
	}
	if alias.URLPath == "/" && r.Application.Type != Static {
		r.warn("--url-alias", "with an alias for / the application gets no requests at all; --document-root lets it have what is no file")
	}
}

// directories warns of options that are about directories and have none.
func (r *request) directories() {
	rooted := r.given["--document-root"] || r.Application.Type == Static
	switch {
	case r.given["--directory-index"] && !rooted && len(r.Files.Aliases) == 0:
		r.warn("--directory-index", "--document-root is not given, so the directory in which '%s' is looked for is '%s'", r.Files.Index, r.Files.DocumentRoot)
	case r.Files.Listing && rooted && r.Files.Index == "" && r.Application.Type != Static && r.Application.MountPoint == "/":
		r.warn("--directory-listing", "without effect, because directories are the application's; with --directory-index they are not")
	case r.Files.Listing && !rooted:
		r.pointless("--directory-listing", "--document-root")
	}
}

// handledFiles warns of handlers of files that are looked for where there are none yet.
func (r *request) handledFiles() {
	if r.given["--document-root"] || r.Application.Type == Static || len(r.Files.Aliases) > 0 {
		return
	}
	for _, o := range []struct {
		option string
		asked  bool
	}{{"--add-handler", len(r.Files.Handlers) > 0}, {"--with-cgi", r.Files.CGI}, {"--with-php", r.withPHP}} {
		if o.asked {
			r.warn(o.option, "--document-root is not given, so the files are those below '%s'", r.Files.DocumentRoot)
		}
	}
}

// exposed warns of what anybody can download who guesses its name.
func (r *request) exposed() {
	for _, path := range r.sources() {
		r.exposes("the source", path)
	}
	r.exposes("the logs", r.Log.Directory)
	if r.ServerRoot != r.Log.Directory {
		r.exposes("the server root", r.ServerRoot)
	}
}

// exposes warns if what is at a path, unless that is "", is in a directory whose files are sent.
func (r *request) exposes(what, path string) {
	if path == "" {
		return
	}
	if below(r.Files.DocumentRoot, path) {
		r.warn("--document-root", "'%s' is below '%s', so anybody can get %s", path, r.Files.DocumentRoot, what)
	}
	for _, alias := range r.Files.Aliases {
		if below(alias.Path, path) {
			r.warn("--url-alias", "'%s' is below '%s', so anybody can get %s", path, alias.Path, what)
		}
	}
}

// sources are the scripts that run and are visible outside.
func (r *request) sources() []string {
	if r.group().Chroot != "" {
		return nil
	}
	paths := []string{r.Access.HostScript, r.Access.UserScript, r.Access.GroupScript}
	if r.Application.Type == Script {
		paths = append(paths, r.Application.Target)
	}
	for _, h := range r.Files.Handlers {
		paths = append(paths, h.Script)
	}
	return paths
}

// below reports whether a path is that of a directory or of something in it that is found by its path: hidden names are not.
func below(dir, path string) bool {
	rest, err := filepath.Rel(dir, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, "../") && !strings.HasPrefix(rest, ".") && !strings.Contains(rest, "/.") || dir == path
}
