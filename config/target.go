package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// target finds out what is served. Further operands have never meant anything to mod_wsgi-express; a word about them
// shows a forgotten quote.
func (r *request) target() {
	operands := r.operands
	switch {
	case r.entryPoint != "":
		r.Application.Target = r.entryPoint
	case len(operands) > 0:
		r.Application.Target, operands = operands[0], operands[1:]
	}
	if len(operands) > 0 {
		r.warn("", "ignored, because there is one application to serve: %s", strings.Join(operands, " "))
	}
	if r.Application.Type == Static {
		r.documents(r.Application.Target)
	}
	if r.Application.Target != "" {
		r.checkTarget()
	}
	if !identifier(r.Application.Callable) {
		r.complain("--callable-object", fmt.Errorf("'%s' is not the name of an object in the script or module", r.Application.Callable))
	}
}

// checkTarget makes a script's path absolute and complains about what cannot be a module. A script that is not there
// is no complaint: it may still come, and until then requests are answered 500 (S12).
func (r *request) checkTarget() {
	a := &r.Application
	if a.Type == Module {
		r.complain("", r.modulename(a.Target))
		return
	}
	a.Target = r.absolute(a.Target)
	switch info, err := os.Stat(filepath.Join(r.group().Chroot, a.Target)); {
	case err != nil:
		r.warn("", "there is no script '%s'%s; requests are answered 500 until there is", a.Target, r.moduleHint())
	case info.IsDir():
		r.warn("", "'%s' is a directory, not a script; requests are answered 500", a.Target)
	}
}

// moduleHint helps whoever gave a module's name without saying that it is one.
func (r *request) moduleHint() string {
	word := filepath.Base(r.Application.Target)
	file := filepath.Join(r.WorkingDirectory, strings.ReplaceAll(word, ".", "/"))
	if _, err := os.Stat(file + ".py"); err != nil {
		return ""
	}
	return fmt.Sprintf(" (for the module %s, add --application-type module)", word)
}

// modulename complains about names no module can have, with what was probably meant.
func (r *request) modulename(name string) error {
	if module, object, ok := strings.Cut(name, ":"); ok {
		return fmt.Errorf("'%s' is not the name of a module; use %s --callable-object %s", name, module, object)
	}
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".py") && isFile(r.absolute(name)) {
		return fmt.Errorf("'%s' is the path of a file, not the name of a module; leave out --application-type module", name)
	}
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return fmt.Errorf("'%s' is not the full dotted name of a module", name)
	}
	return nil
}

// identifier says whether a name can be that of a Python object. Beyond ASCII every letter is believed.
func identifier(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		if !letter && (i == 0 || !digit) {
			return false
		}
	}
	return name != ""
}
