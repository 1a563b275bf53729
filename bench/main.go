package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	if yes, err := isYardstick(os.Args[1:]); yes {
		exitOn(err)
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	exitOn(run(ctx, os.Args[1:]))
}

// exitOn ends the program with an error, if there is one.
func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what the arguments ask for, keeps the raw figures in bench/scratch/results.json and writes the table.
func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	at, err := findPlaces()
	if err != nil {
		return err
	}
	figures, err := obtain(ctx, o, at)
	if err != nil {
		return err
	}
	return publish(o, at, figures)
}

// obtain measures, or with -render reads what the last run left.
func obtain(ctx context.Context, o options, at places) (*results, error) {
	kept := filepath.Join(at.Work, "results.json")
	if o.Render {
		return readResults(kept)
	}
	b := bench{options: o, places: at, log: os.Stderr}
	figures, err := b.measure(ctx)
	if err != nil {
		return nil, err
	}
	return figures, figures.save(kept)
}

func publish(o options, at places, figures *results) error {
	text := render(figures)
	out := o.out(at)
	if err := os.WriteFile(out, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Print(text)
	fmt.Fprintln(os.Stderr, "bench: written to", out)
	return nil
}
