package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if part, err := otherPart(os.Args[1:]); part {
		exitOn(err)
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	exitOn(run(ctx, os.Args[1:]))
}

// otherPart reports whether the arguments ask for one of the processes that this program starts of itself, and is
// that process if they do, until it is ended by a signal.
func otherPart(args []string) (bool, error) {
	if len(args) == 0 {
		return false, nil
	}
	switch args[0] {
	case yardstickVerb:
		return true, serveYardstick(args[1:])
	case clientVerb:
		return true, serveClient(context.Background(), args[1:])
	}
	return false, nil
}

// exitOn ends the program with an error, if there is one.
func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what the arguments ask for, keeps the raw figures in bench/scratch and writes the tables.
func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	at, err := findPlaces()
	if err != nil {
		return err
	}
	parts := map[string]string{}
	for _, g := range o.chosen() {
		figures, err := obtain(ctx, o, at, g)
		if err != nil {
			return err
		}
		parts[g.Name] = render(g, figures)
	}
	return publish(o, at, parts)
}

// obtain measures, or with -render reads what the last run left.
func obtain(ctx context.Context, o options, at places, g group) (*results, error) {
	if o.Render {
		return readResults(at.kept(g))
	}
	b := bench{options: o, places: at, log: os.Stderr}
	figures, err := b.measure(ctx, g)
	if err != nil {
		return nil, err
	}
	return figures, figures.save(at.kept(g))
}
