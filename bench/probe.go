package main

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	probeEvery = 100 * time.Millisecond
	probeLimit = 2 * time.Second
	// probeTail is how long before the end of the load the last probe starts: an answer may take this long at least.
	probeTail = 500 * time.Millisecond
)

// answer is a response read to its end.
type answer struct {
	Status int
	Body   []byte
	Wait   time.Duration // from the connection attempt to the head of the response
}

// ask sends the request on a connection of its own. ctx bounds the whole of it.
func ask(ctx context.Context, to endpoint, r Request) (answer, error) {
	begin := time.Now()
	conn, err := to.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(r.raw(to.Address, "close")); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	wait := time.Since(begin)
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, body, wait}, err
}

// fresh says how new connections fared while a load was on.
type fresh struct {
	Waits      []time.Duration // of those that were answered, ascending
	Unanswered int             // no answer within probeLimit, or none before the load ended
}

// probe opens a connection every probeEvery beside a load of the given length that starts now. It ends before the
// load does, because an idle server answers whom it starved before.
func probe(ctx context.Context, to endpoint, r Request, length time.Duration) fresh {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var all sync.WaitGroup
	var mutex sync.Mutex
	var seen fresh
	for range ticks(ctx, probeEvery, length-probeTail) {
		all.Go(func() {
			a, err := askWithin(ctx, to, r)
			mutex.Lock()
			defer mutex.Unlock()
			seen.add(a, err)
		})
	}
	all.Wait()
	slices.Sort(seen.Waits)
	return seen
}

func askWithin(ctx context.Context, to endpoint, r Request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	return ask(ctx, to, r)
}

func (f *fresh) add(a answer, err error) {
	if err != nil || a.Status != http.StatusOK {
		f.Unanswered++
		return
	}
	f.Waits = append(f.Waits, a.Wait)
}

// ticks yields once per interval until the length has passed or ctx is done.
func ticks(ctx context.Context, interval, length time.Duration) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		end := time.After(length)
		for {
			select {
			case <-ctx.Done():
				return
			case <-end:
				return
			case now := <-ticker.C:
				if !yield(now) {
					return
				}
			}
		}
	}
}

// median is the middle wait, the unanswered ones counting as the longest; ok is false if the middle one was never
// answered.
func (f fresh) median() (wait time.Duration, ok bool) {
	middle := (len(f.Waits) + f.Unanswered - 1) / 2
	if middle < 0 || middle >= len(f.Waits) {
		return 0, false
	}
	return f.Waits[middle], true
}
