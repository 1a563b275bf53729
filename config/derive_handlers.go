package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// addHandler adds a script for an extension. Extensions are compared in lower case. Of two scripts for one, the last wins, as in
// mod_wsgi-express.
func addHandler(r *request, v []string) error {
	extension := "." + strings.ToLower(strings.TrimPrefix(v[0], "."))
	switch {
	case extension == "." || strings.Contains(extension, "/"):
		return fmt.Errorf("'%s' is not the extension of a file, such as .md", v[0])
	case strings.Contains(extension[1:], "."):
		return fmt.Errorf("'%s' has two dots; an extension is what follows the last dot of a name", v[0])
	case v[1] == "":
		return errors.New("the path is empty")
	}
	handlers := slices.DeleteFunc(r.Files.Handlers, func(h Handler) bool {
		if h.Extension == extension {
			r.warn("--add-handler", "'%s' for %s is ignored, because another follows", h.Script, extension)
		}
		return h.Extension == extension
	})
	r.Files.Handlers = append(handlers, Handler{extension, r.absolute(v[1])})
	return nil
}

// handlers finds what the handlers of files need. A script that is not there is no complaint, as with the application: it may
// still come, and until then requests are answered 500.
func (r *request) handlers() {
	for _, h := range r.Files.Handlers {
		if h.Extension == ".cgi" && r.Files.CGI || h.Extension == ".php" && r.withPHP {
			r.complain("--add-handler", fmt.Errorf("%s is the extension of another option, too; leave one of them out", h.Extension))
		}
		path := filepath.Join(r.group().Chroot, h.Script)
		if isDir(path) {
			r.complain("--add-handler", fmt.Errorf("'%s' is a directory, not a script", path))
		} else if _, err := os.Stat(path); err != nil {
			r.warn("--add-handler", "there is no script '%s'; requests for %s files are answered 500 until there is", h.Script, h.Extension)
		}
	}
	if r.withPHP {
		r.findPHP()
	} else if r.given["--php-processes"] {
		r.warn("--php-processes", "without effect, because --with-php is not given")
	}
	r.pointless("--cgi-processes", "--with-cgi")
}

// phpProgram is the PHP that speaks FastCGI.
const phpProgram = "php-cgi"

// findPHP finds it on PATH.
func (r *request) findPHP() {
	path, _ := r.env.Lookup("PATH")
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(r.absolute(dir), phpProgram)
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			r.Files.PHP = candidate
			return
		}
	}
	r.complain("--with-php", fmt.Errorf("there is no program %s on PATH; it is in Debian's package php-cgi, and in Fedora's php-cli", phpProgram))
}
