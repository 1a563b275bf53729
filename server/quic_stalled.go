package server

import "time"

// http3 does not count a connection as idle that has a stream, even if the head of a request never comes on it: without
// more, a client that begins requests and goes no further would keep its connection, and its place at the gate, for ever.
// In HTTP/2 such a connection is idle.

// closeStalled closes the connections on which no request has run for as long as one may be idle and a head may take
// together. Called from the patrol.
func (q *quicServer) closeStalled(now time.Time) {
	for _, c := range q.quietFor(now, q.http.IdleTimeout+q.server.timeouts.longestHead()) {
		c.close(h3NoError)
	}
}

// quietFor are the connections that no handler has run on for so long.
func (q *quicServer) quietFor(now time.Time, long time.Duration) (list []*quicClient) {
	q.server.gate.each(func(c client) {
		qc, ok := c.(*quicClient)
		if !ok {
			return
		}
		if since, quiet := qc.quietSince(); quiet && now.Sub(since) >= long {
			list = append(list, qc)
		}
	})
	return list
}
