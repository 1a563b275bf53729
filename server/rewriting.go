package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gild/logs"
	"gild/server/rewrite"
)

// rewrite applies the rewrite rules to a request for something in the directory of the document root, which is all that has no alias
// and is not for another server. Where they lead to another address of the site they are applied to that again, as httpd does in the
// context of a directory, unless one has said END.
func (s *Server) rewrite(x *Exchange) int {
	if !s.rules.Enabled() || x.ruled.over {
		return 0
	}
	x.ruled = ruled{} // what was said of another address
	if x.outside() {
		return 0
	}
	o, err := s.rules.Apply(&rewrite.Request{
		Path: x.Request.URL.Path, Query: x.Request.URL.RawQuery, Base: "/", Directory: s.directory(),
		Origin: x.Origin(), Variable: x.lookup,
	})
	if err != nil {
		x.log(logs.Error, fmt.Sprintf("The rewrite rules failed: %v", err))
		x.Error(http.StatusInternalServerError)
		return x.status
	}
	x.setVariables(&o)
	status := x.follow(&o)
	x.ruled = ruled{over: o.End, handler: o.Handler, mediaType: o.MediaType} // after END it is about what the rules lead to
	return status
}

// ruled is what rewrite rules have said of a request besides its address.
type ruled struct {
	over      bool   // END: they are not applied again
	handler   string // H: what is to answer; "": what would
	mediaType string // T: Content-Type of the file; "": what its name says
}

// setVariables takes over the variables that the rules set.
func (x *Exchange) setVariables(o *rewrite.Outcome) {
	for _, v := range o.Variables {
		if v.Unset {
			x.UnsetVariable(v.Name)
		} else {
			x.SetVariable(v.Name, v.Value)
		}
	}
}

// follow does what the rules want of the address.
func (x *Exchange) follow(o *rewrite.Outcome) int {
	if o.Status == 0 && o.Changed {
		status := x.redirectInternally((&url.URL{Path: o.Path, RawQuery: o.Query}).RequestURI())
		x.addFields(o) // the redirect has begun with an empty header
		return status
	}
	x.addFields(o)
	switch {
	case o.Status >= 400:
		return x.deny(o.Status, "a rewrite rule")
	case o.Status != 0:
		return x.redirectBy(o.Status, o.Location)
	}
	return 0
}

// addFields puts into the response on what it depends, and the cookies.
func (x *Exchange) addFields(o *rewrite.Outcome) {
	if len(o.Vary) > 0 {
		x.header.Add("Vary", strings.Join(o.Vary, ", "))
	}
	for _, c := range o.Cookies {
		x.header.Add("Set-Cookie", c)
	}
}

// directory is the directory of the document root.
func (s *Server) directory() string {
	if s.files == nil {
		return ""
	}
	return s.files.Root()
}

// outside reports whether the path is not one of the document root.
func (x *Exchange) outside() bool {
	s := x.server
	return s.proxied(x) != nil || s.files != nil && s.files.Aliased(x.Request.URL.Path)
}
