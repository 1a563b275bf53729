package logs

import (
	"strings"
	"time"
)

// appendRecordJSON is the format "json" of the error log: one object for each record, whose message may have several lines, always
// with the same keys in the same order. null is what is not known.
//
//	time      RFC 3339 in UTC
//	level     as Apache calls it
//	module    who says it: core, http3, mpm, ssl, wsgi...
//	pid, tid  process, and the kernel's number of the thread
//	client    address and port of the client, if it is about a request
//	id        id of the request
//	message   what happened, without the newline at its end
func appendRecordJSON(dst []byte, r *Record) []byte {
	o := jsonObject(append(dst, '{')).moment("time", time.Unix(0, r.Time)).text("level", r.Level.String()).text("module", r.Module)
	o = o.number("pid", int64(r.PID), true).number("tid", int64(r.TID), true).text("client", r.Client).text("id", r.ID)
	o = appendJSON(o.key("message"), strings.TrimRight(r.Message, "\r\n"))
	return append(o, '}')
}
