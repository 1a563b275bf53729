package mpm

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Plan is a generation: the processes that one configuration asks for. The supervisor does not change it.
type Plan struct {
	Generation int   // its number, told to every child
	Front      *Role // nil = embedded: the processes of the groups accept connections themselves
	Groups     []Group

	// How long the front has for the requests that run, if there are no groups that say so: for leaving at once, and for finishing.
	Shutdown, Graceful time.Duration
}

// A Role is what the children of one kind execute, as whom and with what.
type Role struct {
	Name       string              // what log lines call them: the name of the process group, or of the front
	Args       []string            // argv; the first is the name that ps shows
	Env        []string            // as in os.Environ; of two entries of one name the later one counts
	Dir        string              // working directory; empty = the supervisor's
	Credential *syscall.Credential // user and groups; nil = the supervisor's
	Config     []byte              // comes with the first message, at most 100 KiB
	Files      []*os.File          // become descriptors 5 and up, in this order; the plan's owner closes them, see Options.Retire
}

// A Group is a process group: processes that do the same.
type Group struct {
	Role
	Processes        int // how many at first, at least 1
	Minimum, Maximum int // bounds of their number, which follows the load; equal, or both 0 = it stays at Processes

	// MinSpare is how many seats are to be free at least; with fewer, processes are started. With more than MaxSpare they are
	// drained. Both count only where the number follows the load.
	MinSpare, MaxSpare int

	// Records is how many processes the arena has records for; 0 = twice Maximum. With fewer than that a replacement waits for the
	// end of another process. Embedded workers have none.
	Records int

	Startup  time.Duration // until ready or failed; 0 = no limit
	Shutdown time.Duration // for leaving at once; 0 = killed at once
	Graceful time.Duration // for finishing running requests before that
	Eviction time.Duration // the same after SIGUSR1 to the process; 0 = Graceful
}

const (
	maxMessage  = 32 << 10  // bound of one message on the control socket, but the first
	maxConfig   = 100 << 10 // bound of the configuration, so that it fits into the socket's buffer before the child reads
	maxEnvelope = 256       // bound of the line before it
)

// check says what is wrong with p.
func (p *Plan) check() error {
	if len(p.Groups) == 0 && p.Front == nil {
		return errors.New("mpm: a plan needs a front or a process group")
	}
	if p.Front != nil {
		if err := p.Front.check(); err != nil {
			return err
		}
	}
	for i := range p.Groups {
		if err := p.Groups[i].normal().check(p.Front != nil); err != nil {
			return err
		}
	}
	return nil
}

// check says what is wrong with r.
func (r *Role) check() error {
	switch {
	case len(r.Args) == 0 || r.Name == "":
		return errors.New("mpm: the name and the arguments of a process must be given")
	case len(r.Config) == 0 || len(r.Config) > maxConfig:
		return errors.New("mpm: the configuration for a process is empty or longer than 100 KiB; give fewer or shorter options")
	}
	return nil
}

// normal returns g with its defaults.
func (g Group) normal() Group {
	if g.Minimum == 0 && g.Maximum == 0 {
		g.Minimum, g.Maximum = g.Processes, g.Processes
	}
	if g.Records == 0 {
		g.Records = 2 * g.Maximum
	}
	if g.Eviction == 0 {
		g.Eviction = g.Graceful
	}
	g.MaxSpare = max(g.MaxSpare, g.MinSpare+1) // or the number would never be right
	return g
}

// check says what is wrong with g, which is normal.
func (g Group) check(arena bool) error {
	switch {
	case g.Processes < 1:
		return errors.New("mpm: a process group needs at least one process")
	case g.Minimum < 1 || g.Processes < g.Minimum || g.Maximum < g.Processes:
		return fmt.Errorf("mpm: %d processes are not within %d and %d", g.Processes, g.Minimum, g.Maximum)
	case g.MinSpare < 0:
		return errors.New("mpm: the number of spare seats is negative")
	case arena && g.Records < g.Maximum:
		return fmt.Errorf("mpm: an arena of %d records has no room for %d processes", g.Records, g.Maximum)
	case g.Startup < 0 || g.Shutdown < 0 || g.Graceful < 0 || g.Eviction < 0:
		return errors.New("mpm: a timeout is negative")
	}
	return g.Role.check()
}

// lastWins drops the entries of env that a later one overrides. Programs differ in which of two they find: C's getenv takes the
// first.
func lastWins(env []string) (kept []string) {
	seen := map[string]bool{}
	for _, entry := range slices.Backward(env) {
		name, _, _ := strings.Cut(entry, "=")
		if !seen[name] {
			seen[name] = true
			kept = append(kept, entry)
		}
	}
	slices.Reverse(kept)
	return kept
}
