package scripts

import (
	"path"
	"strings"

	"gild/config"
	"gild/cpython"
	"gild/server"
)

// Handlers answer for files of the site with an extension (--add-handler). Each is a script that defines handle_request, or
// application, and is an application to package cpython. They run in the processes of the application, in the main interpreter, and
// cannot keep it from running: what is broken answers 500 until it is repaired. With static files alone they are all the Python
// there is.

// handlerKind is what load() of the prelude calls them, handlerName what the log and the environ do, as mod_wsgi-express.
const (
	handlerKind     = "handler"
	handlerName     = "wsgi-resource"
	handlerCallable = "handle_request"
)

// handlerScripts are those that the configuration names.
func handlerScripts(c *config.Config) (all []script) {
	for _, h := range c.Files.Handlers {
		all = append(all, script{path: h.Script, function: handlerCallable, name: "handler script",
			without: "requests for " + h.Extension + " files are answered 500", handles: h.Extension})
	}
	return all
}

// A handler is one as the front sees it.
type handler struct {
	number int    // among the applications of its processes
	script string // path
}

// handlersOf finds them, by extension, in the process group of the application.
func handlersOf(c *config.Config) map[string]handler {
	found := map[string]handler{}
	if len(c.Files.Handlers) == 0 {
		return found
	}
	for number, s := range contentsOf(c, &c.Groups[c.Application.ProcessGroup]).scripts {
		if s.handles != "" {
			found[s.handles] = handler{number, s.path}
		}
	}
	return found
}

// handlerFor is the handler that a request is for. Only a request with a Resource has one.
func (e *Engine) handlerFor(x *server.Exchange) handler {
	return e.handlers[strings.ToLower(path.Ext(x.Resource.File))]
}

// numberFor is the number of what answers a request, in the processes of its group.
func (e *Engine) numberFor(x *server.Exchange) int {
	if x.Resource == nil {
		return 0
	}
	return e.handlerFor(x).number
}

// introduce says for the log what answers.
func (e *Engine) introduce(x *server.Exchange) {
	x.Handler, x.Filename = "wsgi-handler", e.script
	if x.Resource != nil {
		x.Handler, x.Filename = handlerName, x.Resource.File
	}
}

// file adds which file answers, or is meant.
func (e *Engine) file(slot *cpython.Request, x *server.Exchange) {
	if x.Resource == nil {
		slot.AddPath("SCRIPT_FILENAME", e.target)
		slot.AddPath("DOCUMENT_ROOT", e.config.Files.DocumentRoot)
		slot.AddPath("CONTEXT_DOCUMENT_ROOT", e.config.Files.DocumentRoot)
		return
	}
	slot.AddPath("SCRIPT_FILENAME", x.Resource.File)
	slot.AddPath("DOCUMENT_ROOT", x.Resource.Root)
	slot.AddPath("CONTEXT_DOCUMENT_ROOT", x.Resource.Root)
	slot.AddPath("mod_wsgi.handler_script", e.handlerFor(x).script)
	slot.Add("mod_wsgi.request_handler", handlerName)
	slot.Add("mod_wsgi.callable_object", handlerCallable)
}

// mountedAt is SCRIPT_NAME where a believed proxy has mounted the site.
func mountedAt(name string, r *server.Resource) string {
	if r == nil {
		return name
	}
	return name + r.ScriptName
}
