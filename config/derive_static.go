package config

import "slices"

// withPython reports whether the processes of the application's group are needed.
func (r *request) withPython() bool { return r.Application.Type != Static || len(r.Files.Handlers) > 0 }

// static begins to make a server without an application. What speaks HTTP has no Python in it then, so embedded mode is no other.
func (r *request) static() {
	if r.Application.Type != Static {
		return
	}
	for _, name := range []string{"--mount-point", "--callable-object"} {
		if r.given[name] {
			r.warn(name, "without effect, because with --application-type static there is no application")
		}
	}
	if r.withPython() {
		return
	}
	r.Embedded = false
	options := slices.Concat(processOptions(), limitOptions())
	if !r.Access.Scripted() {
		options = slices.Concat(options, interpreterOptions(), applicationOptions())
	}
	for _, o := range options {
		if r.given[o.name] && aboutPython(o.name) {
			r.warn(o.name, "without effect, because with --application-type static there is no Python process")
		}
	}
}

// aboutPython reports whether an option of these sections says nothing about a server without Python, or is warned of elsewhere.
func aboutPython(name string) bool {
	switch name {
	case "--user", "--group", "--supplementary-groups", "--process-name", "--embedded-mode", "--shutdown-timeout", "--graceful-timeout",
		"--application-type", "--entry-point", "--callable-object", "--mount-point", "--working-directory", "--setenv", "--passenv",
		"--map-head-to-get", "--chunked-request", "--enable-sendfile":
		return false
	}
	return true
}

// documents is the operand of a site without an application: the document root, or else the current directory (S50).
func (r *request) documents(operand string) {
	switch root := &r.Files.DocumentRoot; {
	case operand == "" && *root == "":
		*root = r.env.Dir
	case *root == "":
		*root = r.absolute(operand)
	case operand != "":
		r.warn("", "ignored, because --document-root says which files are served: %s", operand)
	}
	r.Application.Target = ""
}

// withoutApplication removes the process group of an application that there is not.
func (r *request) withoutApplication() {
	if r.withPython() {
		return
	}
	t := r.group().Timeouts
	r.Timeouts.Shutdown, r.Timeouts.Graceful = t.Shutdown, t.Graceful
	r.Groups = slices.Clone(r.Groups[1:])
	r.Application.ProcessGroup = NoGroup
	if len(r.Groups) == 0 { // otherwise there are scripts that gild asks
		r.ScriptReloading, r.ReloadOnChanges = false, false
	}
}
