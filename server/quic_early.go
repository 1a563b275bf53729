package server

import "net/http"

// A request in 0-RTT data may be a copy that somebody else has recorded and sends again. One that was sent as early
// data is marked for the application, as a gateway would do it (RFC 8470 section 5.1).

var earlyField = []string{"1"}

// checkEarly refuses requests in early data that may change something, with 425: the client sends it again when the
// handshake is complete (RFC 8470 section 5.2). It is also for those that a gateway before us has got as early data.
func (s *Server) checkEarly(x *Exchange) int {
	if len(x.Request.Header["Early-Data"]) == 0 {
		return 0
	}
	switch x.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return 0
	}
	return x.refuse(http.StatusTooEarly, "method "+x.Request.Method+" in early data")
}
