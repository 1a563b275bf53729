package logs

import "time"

// accessJSON is the format "json": one object for each request, always with the same keys in the same order. null is what is
// not known. Times are whole microseconds, counted as in %D; sizes are bytes. With an internal redirect, uri is what the
// client asked for and the rest is about the answer it got.
//
//	time            when the first byte of the request came, RFC 3339 in UTC
//	id              id of the request, if the error log, an error page or the application has it, too (%L)
//	client, peer    address of the client, and of the other end of the connection, which may be a proxy (%a, %{c}a)
//	user            who was authenticated (%u)
//	method, uri, protocol   of the request line (%m, what is between in %r, %H)
//	host, server    the Host field as sent, and the canonical name of the site (%v)
//	status          of the response (%>s)
//	bytes, received, sent   body of the response (%B), whole request (%I) and whole response (%O)
//	referer, user_agent     those header fields
//	handler, file   what answered, and with which file (%R, %f)
//	duration_us, first_byte_us   until the end of the response, and until its head (%D, %^FB)
//	queue_us, gil_us, application_us   see Timings
//	tls             version of TLS (%{SSL_PROTOCOL}x)
//	aborted         the response was not completed (%X)
//	reused          requests on the connection before this one (%k)
//	pid, tid        process that speaks HTTP (%P), and thread of the application
func accessJSON(pid int) item {
	return func(dst []byte, e *Entry) []byte { return appendAccessJSON(dst, e, pid) }
}

func appendAccessJSON(dst []byte, e *Entry, pid int) []byte {
	first := e
	if e.Original != nil {
		first = e.Original
	}
	o := jsonObject(append(dst, '{')).moment("time", e.Start).text("id", e.ID)
	o = o.text("client", clientHost(e)).text("peer", peerHost(e)).text("user", e.User)
	o = o.text("method", first.Request.Method).text("uri", first.Request.RequestURI).text("protocol", e.Request.Proto)
	o = o.text("host", e.Request.Host).text("server", serverName(e))
	o = o.number("status", int64(e.Status), e.Status != 0)
	o = o.number("bytes", e.Body, true).number("received", e.Received, true).number("sent", e.Sent, true)
	o = o.text("referer", requestHeader(e, "Referer")).text("user_agent", requestHeader(e, "User-Agent"))
	o = o.text("handler", e.Handler).text("file", e.Filename)
	o = appendTimingsJSON(o, e)
	o = o.text("tls", call(e.TLS, "SSL_PROTOCOL")).boolean("aborted", e.Aborted).number("reused", int64(e.Reused), true)
	o = o.number("pid", int64(pid), true).number("tid", int64(e.TID), e.TID != 0)
	return append(o, '}')
}

// jsonTimes are the keys of the parts of the time a request took.
var jsonTimes = [...]struct {
	key  string
	part func(*Entry) (time.Duration, bool)
}{{"duration_us", parts["total"]}, {"first_byte_us", parts["first-byte"]}, {"queue_us", parts["queue"]}, {"gil_us", parts["gil"]},
	{"application_us", parts["application"]}}

// appendTimingsJSON appends how long each part took.
func appendTimingsJSON(o jsonObject, e *Entry) jsonObject {
	for i := range jsonTimes {
		spent, known := jsonTimes[i].part(e)
		o = o.number(jsonTimes[i].key, int64(spent/time.Microsecond), known)
	}
	return o
}
