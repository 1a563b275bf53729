package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// options says what to measure and for how long.
type options struct {
	Groups      []string // names
	Servers     []string // names, of whichever group
	Cases       []string // the same
	Connections []int    // how many connections a load keeps open; nil = as each case says
	Rounds      int      // how often each cell is measured, >= 1
	Seconds     int      // length of one measurement; wrk knows whole seconds only, >= 1
	ColdStarts  int      // how often each server is started cold; 0 = not at all
	Mixture     bool     // also measure short requests beside slow ones
	Processes   bool     // also compare ways to run gild's processes
	Quick       bool
	Render      bool   // no measurement: the table of the last run again
	Out         string // where the table goes; "" = see out
	narrowed    bool   // something was left out, so the table must not replace bench/RESULTS.md
}

// parseOptions reads the command line. An unknown server or case is an error that lists the known ones.
func parseOptions(args []string) (options, error) {
	o := options{
		Groups:  names(groups()),
		Servers: everything(func(g group) []string { return names(g.Servers) }),
		Cases:   everything(func(g group) []string { return g.Cases }),
	}
	flags := flag.NewFlagSet("bench/run", flag.ExitOnError)
	flags.Func("groups", "which `groups` of tables, by comma: "+strings.Join(o.Groups, ","), o.group)
	flags.Func("servers", "which `servers`, by comma: "+strings.Join(o.Servers, ","), o.choose(&o.Servers, o.Servers))
	flags.Func("cases", "which `cases`, by comma: "+strings.Join(o.Cases, ","), o.choose(&o.Cases, o.Cases))
	flags.Func("conns", "how many `connections`, by comma (1,64 for most cases)", o.numbers(&o.Connections))
	flags.IntVar(&o.Rounds, "rounds", 3, "how often each cell is measured")
	flags.IntVar(&o.Seconds, "seconds", 1, "how long each measurement lasts; comparisons of processes take some times as long")
	flags.IntVar(&o.ColdStarts, "cold", 5, "how often each server is started cold (0 = never)")
	flags.BoolVar(&o.Mixture, "mixture", true, "measure short requests beside slow ones")
	flags.BoolVar(&o.Processes, "processes", true, "compare ways to run gild's processes, if "+daemon+" is among the servers")
	flags.BoolVar(&o.Quick, "quick", false, "one minute for a group: what is most telling at 64 connections, one round of 2 s")
	flags.BoolVar(&o.Render, "render", false, "write the table of the last run again, measure nothing")
	flags.StringVar(&o.Out, "out", "", "`file` for the table (bench/RESULTS.md, or bench/scratch/TABLE.md if flags leave something out)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: bench/run takes flags only, see bench/run -h", flags.Arg(0))
	}
	return o.settled()
}

// settled applies -quick and checks the numbers.
func (o options) settled() (options, error) {
	if o.Rounds < 1 || o.Seconds < 1 || o.ColdStarts < 0 {
		return o, errors.New("-rounds and -seconds must be at least 1, -cold at least 0")
	}
	if o.Quick {
		o.Cases, o.Connections = everything(func(g group) []string { return g.Quick }), []int{64}
		o.Rounds, o.Seconds, o.ColdStarts, o.Processes = 1, 2, 3, false
	}
	o.narrowed = o.narrowed || o.Quick || !o.Mixture || !o.Processes || o.ColdStarts == 0
	return o, nil
}

// group is the setter of -groups: a group that was left out keeps its part of the page.
func (o *options) group(text string) error {
	narrowed := o.narrowed
	err := o.choose(&o.Groups, names(groups()))(text)
	o.narrowed = narrowed
	return err
}

// chosen are the groups that the options leave something of.
func (o options) chosen() []group {
	return slices.DeleteFunc(pick(groups(), o.Groups), func(g group) bool {
		return len(pick(g.Servers, o.Servers)) == 0 || !slices.ContainsFunc(g.Cases, o.wants)
	})
}

// wants says whether a case is to be measured.
func (o options) wants(name string) bool { return slices.Contains(o.Cases, name) }

// out is the file the table goes to: only complete groups replace the committed tables.
func (o options) out(at places) string {
	switch {
	case o.Out != "":
		return o.Out
	case o.narrowed:
		return filepath.Join(at.Work, "TABLE.md")
	}
	return filepath.Join(at.Root, "bench", "RESULTS.md")
}

// choose is the setter of a flag that holds names out of known.
func (o *options) choose(into *[]string, known []string) func(string) error {
	return func(text string) error {
		chosen := strings.Split(text, ",")
		for _, name := range chosen {
			if !slices.Contains(known, name) {
				return fmt.Errorf("%q is none of %s", name, strings.Join(known, ", "))
			}
		}
		*into, o.narrowed = chosen, true
		return nil
	}
}

func (o *options) numbers(into *[]int) func(string) error {
	return func(text string) error {
		*into, o.narrowed = nil, true
		for field := range strings.SplitSeq(text, ",") {
			n, err := strconv.Atoi(field)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is not a number of connections", field)
			}
			*into = append(*into, n)
		}
		return nil
	}
}

// places are the directories and programs of a run.
type places struct {
	Root string // the checkout
	Apps string // bench/apps
	Work string // bench/scratch: everything made by setup and by a run, ignored by git
	Venv string // the virtual environment all servers use
	Gild string // gild built for the Python of that environment
}

// findPlaces looks around the working directory, which bench/run sets to the checkout.
func findPlaces() (places, error) {
	root, err := os.Getwd()
	if err != nil {
		return places{}, err
	}
	work := filepath.Join(root, "bench", "scratch")
	at := places{root, filepath.Join(root, "bench", "apps"), work, filepath.Join(work, "venv"), filepath.Join(work, "gild")}
	if _, err := os.Stat(at.Apps); err != nil {
		return places{}, fmt.Errorf("no bench/apps below %s: start the benchmark by bench/run", root)
	}
	return at, os.MkdirAll(work, 0o755)
}

// named is a row of one of the tables of this program.
type named interface{ name() string }

func names[T named](rows []T) []string {
	var list []string
	for _, row := range rows {
		list = append(list, row.name())
	}
	return list
}

// pick is the rows whose names are wanted, in the order of the table, which it leaves alone.
func pick[T named](rows []T, wanted []string) []T {
	return slices.DeleteFunc(slices.Clone(rows), func(row T) bool { return !slices.Contains(wanted, row.name()) })
}
