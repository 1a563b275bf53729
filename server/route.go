package server

import (
	"net/http"
	"strings"

	"gild/server/rewrite"
)

// A route says what answers a request that all phases have let pass; nil: this route does not.
type route func(*Server, *Exchange) http.Handler

// routes in the order in which they are asked. The first handler wins; without one there is nothing at the address.
var routes = [...]route{
	(*Server).proxied,
	(*Server).untunnelled,
	(*Server).filed,
	(*Server).application,
}

// routeOf finds the handler of a request.
func (s *Server) routeOf(x *Exchange) http.Handler {
	if x.ruled.handler == rewrite.WSGIHandler {
		return s.handler
	}
	for _, route := range routes {
		if h := route(s, x); h != nil {
			return h
		}
	}
	return nil
}

// dispatch has the request answered.
func (s *Server) dispatch(x *Exchange) {
	x.Resource = nil // of the path before an internal redirect
	if h := s.routeOf(x); h != nil {
		h.ServeHTTP(x, x.Request)
		return
	}
	x.sendPage(http.StatusNotFound)
}

// application answers for everything at and below the mount point.
func (s *Server) application(x *Exchange) http.Handler {
	if !s.mounted(x.Request.URL.Path) {
		return nil
	}
	return s.handler
}

// mounted reports whether a path is the application's.
func (s *Server) mounted(path string) bool {
	rest, ok := strings.CutPrefix(path, s.mount)
	return s.handler != nil && ok && (rest == "" || rest[0] == '/')
}
