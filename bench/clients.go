package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// exact makes the load with connections of this program, in place of wrk: dearer, but every request is accounted for.
// wrk does not notice a request that is never answered, and adds to its times those of the requests that a connection
// did not send while it waited: right for a stall of the server, but it hides who waits for a slow request of another.
func (l load) exact(ctx context.Context, length time.Duration, want []byte) tally {
	return drive(ctx, l.Connections, length, func(c *counts, more func() bool) {
		client{l.Address, l.raw(l.Address, "keep-alive"), want, c}.run(more)
	})
}

// drive runs a number of clients side by side, each until more says that the length has passed, and adds up what they
// counted. What was begun before the end is waited for.
func drive(ctx context.Context, number int, length time.Duration, run func(c *counts, more func() bool)) tally {
	clients := make([]counts, number)
	begin := time.Now()
	end := begin.Add(length)
	more := func() bool { return ctx.Err() == nil && time.Now().Before(end) }
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { run(&clients[i], more) })
	}
	all.Wait()
	return together(clients, time.Since(begin))
}

// counts are what one client has seen.
type counts struct {
	seen  tally
	waits []time.Duration // from the request to the end of its answer, of those answered well
}

// refused counts a connection that could not be made. It takes its time: no use in asking a million times.
func (c *counts) refused() {
	c.seen.Connect++
	time.Sleep(10 * time.Millisecond)
}

// client is one connection after another, with one request after another.
type client struct {
	address       string
	request, want []byte
	*counts
}

// run ends with the answer to the last request that was sent before the end.
func (c client) run(more func() bool) {
	for more() {
		conn, err := net.DialTimeout("tcp", c.address, probeLimit)
		if err != nil {
			c.refused()
			continue
		}
		c.use(conn, more)
		conn.Close()
	}
}

// use sends requests until the connection is no good any more.
func (c client) use(conn net.Conn, more func() bool) {
	in := bufio.NewReader(conn)
	for good := true; good && more(); {
		good = c.exchange(conn, in)
	}
}

// exchange counts one request, and reports whether the connection can carry another.
func (c client) exchange(conn net.Conn, in *bufio.Reader) bool {
	begin := time.Now()
	_ = conn.SetDeadline(begin.Add(probeLimit)) // fails on a closed connection only, as does what follows
	if _, err := conn.Write(c.request); err != nil {
		c.seen.Write++
		return false
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		c.miss(err)
		return false
	}
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		c.miss(err)
	case response.StatusCode != http.StatusOK || !bytes.Equal(body, c.want):
		c.seen.Bad++
	default:
		c.waits = append(c.waits, time.Since(begin))
	}
	return err == nil && !response.Close
}

func (c *counts) miss(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.seen.TimedOut++
		return
	}
	c.seen.Read++
}

// together adds the clients up. Requests are those answered, well or not, as wrk counts them.
func together(clients []counts, length time.Duration) tally {
	sum := tally{Duration: length}
	var waits []time.Duration
	for _, c := range clients {
		waits = append(waits, c.waits...)
		sum.Connect += c.seen.Connect
		sum.Write += c.seen.Write
		sum.Read += c.seen.Read
		sum.Bad += c.seen.Bad
		sum.TimedOut += c.seen.TimedOut
	}
	sum.Requests = len(waits) + sum.Bad
	if slices.Sort(waits); len(waits) > 0 {
		sum.P50, sum.P99, sum.Worst = waits[(len(waits)-1)/2], waits[(len(waits)-1)*99/100], waits[len(waits)-1]
	}
	return sum
}
