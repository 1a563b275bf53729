package server

import "time"

// How HTTP/3 leaves. The socket is given up at once if another process wants it. That one gets the new connections, and
// packets of ours come through the relay. Then:
//
//  1. for newcomerGrace all goes on, so that connections that have just begun can send their first request;
//  2. GOAWAY tells each client which of its requests are still answered (RFC 9114 section 5.2). Later ones are refused
//     in a way that says that nobody has looked at them, and the client sends them again on a new connection;
//  3. a connection that had no request for quietTime is closed, whether its client does it or not. Not at once: the last
//     response may still be on its way, and what is lost of it is only sent again while the connection is there.
const (
	quietTime        = 2 * time.Second
	quietTimeInHurry = lingerTime // during Shutdown
	quicPatrol       = 100 * time.Millisecond
)

// drain is called once, when the server leaves the stage of serving.
func (q *quicServer) drain() {
	q.complain(q.share.retire())
	q.complain(q.share.tend())
	time.AfterFunc(newcomerGrace, q.stopAccepting)
	go q.patrol()
}

// patrol looks after the socket and closes the connections that are through, until the server is closed.
func (q *quicServer) patrol() {
	tick := time.NewTicker(quicPatrol)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			q.complain(q.share.tend())
			for _, c := range q.quiet(now) {
				c.close(h3NoError)
			}
		case <-q.closed:
			return
		}
	}
}

// quiet are the connections that have been quiet for long enough.
func (q *quicServer) quiet(now time.Time) (list []*quicClient) {
	enough := quietTime
	if q.server.stage.Load() >= closing {
		enough = quietTimeInHurry
	}
	if goneAway := q.goneAway.Load(); goneAway == 0 || now.Sub(time.Unix(0, goneAway)) < enough {
		return nil
	}
	return q.quietFor(now, enough)
}
