package server

import (
	"net/http"
	"path"
	"strings"

	"gild/server/rewrite"
)

// A Resource is a file of the site that something else than the server itself answers for: a script, or what a script renders.
type Resource struct {
	File       string // absolute path of the file, which was there a moment ago and is a regular one
	ScriptName string // URL path of the file, decoded: SCRIPT_NAME
	PathInfo   string // what follows it in the path of the request; "" or begins with a slash: PATH_INFO
	Root       string // absolute path of the document root: DOCUMENT_ROOT
	Alias      bool   // the file is below a URL alias, and not below the document root
}

// handlerFor is handlerOf, unless a rewrite rule has said what is to answer.
func (s *Server) handlerFor(x *Exchange, name string) http.Handler {
	switch x.ruled.handler {
	case rewrite.CGIScript:
		return s.handlers[".cgi"]
	case rewrite.DefaultHandler:
		return nil
	}
	return s.handlerOf(name)
}

// handlerOf returns what answers for a file with the extension of name, whatever its case, or nil if the server sends such files as they are. A name
// that is nothing but an extension has none.
func (s *Server) handlerOf(name string) http.Handler {
	if len(s.handlers) == 0 {
		return nil
	}
	name = path.Base(name)
	ext := path.Ext(name)
	if ext == name {
		return nil
	}
	return s.handlers[strings.ToLower(ext)]
}

// isPackedScript reports whether a file is the compressed form of what a handler answers for, beside which it lies when somebody has
// compressed all files of a site: a script's source, which nobody is to get.
func (s *Server) isPackedScript(name string) bool {
	if len(s.handlers) == 0 {
		return false
	}
	switch ext := path.Ext(name); ext {
	case ".br", ".gz", ".zst":
		return s.handlerOf(strings.TrimSuffix(name, ext)) != nil
	}
	return false
}
