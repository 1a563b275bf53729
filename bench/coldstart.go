package main

import (
	"context"
	"fmt"
	"time"
)

// coldStarts times each server from exec to its first good answer, asked for every millisecond, in turns. "Cold" is
// the process, not the disk: the files have been read before.
func (b *bench) coldStarts(ctx context.Context, list []server, out *results) {
	hello := pick(workloads(), []string{"hello"})[0]
	for range b.ColdStarts {
		for _, srv := range list {
			took, err := b.coldStart(ctx, srv, hello)
			if err != nil {
				fmt.Fprintf(b.log, "cold start of %s: %v\n", srv.Name, err)
				continue
			}
			fmt.Fprintf(b.log, "cold start of %s: %v\n", srv.Name, took)
			out.Cold[srv.Name] = append(out.Cold[srv.Name], took)
		}
	}
}

func (b *bench) coldStart(ctx context.Context, srv server, w workload) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r, err := start(srv, b.places, w.App)
	if r != nil {
		defer b.stop(srv, r)
	}
	if err != nil {
		return 0, err
	}
	return r.ready(ctx, w, time.Millisecond)
}
