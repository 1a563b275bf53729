package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// A mixture is short requests beside slow ones of two kinds: 50 ms on the CPU, and 50 ms asleep. It shows what
// waking a thread costs and gives: sleeping requests should use all the threads there are, and short ones should
// wait as little as the GIL allows.
type mixture struct {
	About                 string
	Short, Compute, Sleep int // connections of each kind, 0 = none
}

func mixtures() []mixture {
	return []mixture{
		{"8 short", 8, 0, 0},
		{"8 short, 3 asleep", 8, 0, 3},
		{"8 short, 1 on the CPU", 8, 1, 0},
		{"8 short, 1 on the CPU, 3 asleep", 8, 1, 3},
		{"64 asleep", 0, 0, 64},
	}
}

// mixtureSample is one mixture measured once; a kind without connections has a zero tally.
type mixtureSample struct {
	Round                 int
	Server, About         string
	Short, Compute, Sleep tally
	Err                   string
}

// mixtures measures every mixture on every server; in a quick run on gild as it comes.
func (b *bench) mixtures(ctx context.Context, list []server, out *results) {
	// The yardstick has neither a GIL nor an application that sleeps.
	list = slices.DeleteFunc(slices.Clone(list), func(s server) bool { return s.Name == yardstick().Name })
	if b.Quick {
		list = pick(list, []string{daemon})
	}
	for round := range b.Rounds {
		for i := range list {
			srv := list[(i+round)%len(list)]
			out.Mixtures = append(out.Mixtures, b.visitMixtures(ctx, srv, round)...)
		}
	}
}

func (b *bench) visitMixtures(ctx context.Context, srv server, round int) []mixtureSample {
	short := workload{Name: "mixture", App: "mixture", Request: Request{Path: "/"}, Want: []byte("Hello World!")}
	r, err := b.warm(ctx, srv, short)
	if r != nil {
		defer b.stop(srv, r)
	}
	var list []mixtureSample
	for _, m := range mixtures() {
		s := mixtureSample{Round: round, Server: srv.Name, About: m.About}
		if err == nil {
			err = b.mix(ctx, r.endpoint(), m, &s)
		}
		if err != nil {
			s.Err = err.Error()
		}
		fmt.Fprintf(b.log, "%s %s: short %s, computing %.0f/s, sleeping %.0f/s %s\n", srv.Name, m.About,
			latencies(s.Short), s.Compute.rate(), s.Sleep.rate(), s.Err)
		list = append(list, s)
	}
	return list
}

// mix runs one wrk for each kind of request at the same time.
func (b *bench) mix(ctx context.Context, at endpoint, m mixture, s *mixtureSample) error {
	var all sync.WaitGroup
	failures := make(chan error, 3)
	begin := func(path string, connections int, into *tally) {
		if connections == 0 {
			return
		}
		all.Go(func() {
			var err error
			*into, err = load{at, connections, b.Seconds, Request{Path: path}}.run(ctx, b.places)
			failures <- err
		})
	}
	begin("/", m.Short, &s.Short)
	begin("/compute", m.Compute, &s.Compute)
	begin("/sleep", m.Sleep, &s.Sleep)
	all.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}
