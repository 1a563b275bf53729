package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"gild/logs"
	"gild/server/files"
)

// newFiles makes the files of a site, nil if there are none.
func (s *Server) newFiles(o files.Options) *files.Tree {
	if o.Root == "" && len(o.Aliases) == 0 {
		return nil
	}
	o.Log = s.errorLog
	if len(s.handlers) > 0 {
		o.Scripts = func(name string) bool { return s.handlerOf(name) != nil }
	}
	return files.New(o)
}

// filed answers with a file of the site, or has the handler of its extension answer.
func (s *Server) filed(x *Exchange) http.Handler {
	if s.files == nil {
		return nil
	}
	path := x.Request.URL.Path
	found := s.files.Find(path, s.mounted(path))
	if found.Kind == files.Absent {
		return nil
	}
	if found.Kind == files.File {
		if h := s.handlerFor(x, found.Path()); h != nil {
			found.Close() // for who answers opens it by its name
			x.Resource = &Resource{File: found.Path(), ScriptName: found.URLPath, PathInfo: found.PathInfo, Root: s.files.Root(), Alias: found.Alias}
			return h
		}
		if s.isPackedScript(found.Path()) {
			found.Close()
			found.Kind, found.Status, found.Reason = files.Refused, http.StatusForbidden, "'"+found.Path()+"' is the source of a script"
		}
	}
	return &filed{found}
}

// filed is the answer with what was found.
type filed struct{ files.Found }

// ServeHTTP sends it, or says why not.
func (f *filed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer f.Close()
	x := From(w)
	switch f.Kind {
	case files.Refused:
		x.logRefused(&f.Found)
		x.sendPage(f.Status)
	case files.Unslashed:
		x.appendSlash()
	default:
		x.Handler, x.Filename = "file", f.Path()
		if f.Kind == files.Directory {
			x.Handler = "directory-listing"
		}
		x.sendFound(&f.Found)
	}
}

// logRefused says why there is something that is not sent; whose fault it is decides how loud.
func (x *Exchange) logRefused(f *files.Found) {
	switch {
	case f.Status >= http.StatusInternalServerError:
		x.log(logs.Error, "The file cannot be sent: "+f.Reason)
	case f.Reason != "":
		x.deny(f.Status, f.Reason)
	}
}

func (x *Exchange) sendFound(f *files.Found) {
	if x.ruled.mediaType != "" {
		x.header["Content-Type"] = []string{x.ruled.mediaType}
	}
	status, err := f.Send(x, x.Request)
	var blamed *fs.PathError
	if errors.As(err, &blamed) {
		x.log(logs.Error, fmt.Sprintf("The response with '%s' is not complete: %v", f.Path(), blamed.Err))
	}
	switch {
	case err != nil:
		x.Abort(err)
	case status != 0:
		x.sendPage(status)
	}
}

// appendSlash sends the client to the directory that it has asked for without the slash at the end, without which what is in the
// directory could not refer to each other. The reference is relative to the host, so it is right by whatever name and through
// whatever proxy the client has come.
func (x *Exchange) appendSlash() {
	u := url.URL{Path: x.Request.URL.Path + "/", RawQuery: x.Request.URL.RawQuery}
	x.redirectTo(x.public(escapeTarget(u.RequestURI())))
}
