package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gild/config"
	"gild/cpython"
	"gild/logs"
	"gild/mpm"
	"gild/scripts"
	"gild/tls"
)

// planner makes the plans of the supervisor: the first one, and another when the configuration has changed.
type planner struct {
	sockets *socketStore
	keeper  *tls.Keeper
	log     *logs.Writer
	made    map[*mpm.Plan]*made
	nonces  *os.File // for Digest, of all generations; nil: nobody has needed it yet
	next    int      // generation
}

// made is what a plan was made of, and has for itself.
type made struct {
	config  *config.Config
	sockets []*os.File // other plans may have them, too
	vault   *tls.Vault // certificates and secrets; nil: no HTTPS
	storage *os.File   // see openStorage; nil: it is reached by its name, or there is none
	arenas  []*cpython.Arena
}

func newPlanner(sockets *socketStore, keeper *tls.Keeper, log *logs.Writer) *planner {
	return &planner{sockets: sockets, keeper: keeper, log: log, made: map[*mpm.Plan]*made{}}
}

// plan makes the plan for a configuration: opens the sockets that are not open yet, and makes the arenas.
func (p *planner) plan(c *config.Config) (*mpm.Plan, error) {
	plan := &mpm.Plan{Generation: p.next}
	p.made[plan] = &made{config: c}
	if err := p.fill(plan, c); err != nil {
		p.retire(plan)
		return nil, err
	}
	p.next++
	return plan, nil
}

func (p *planner) fill(plan *mpm.Plan, c *config.Config) error {
	if err := p.noteRules(c); err != nil {
		return err
	}
	model, err := json.Marshal(c)
	if err != nil {
		return err
	}
	files, err := p.sockets.open(c)
	if err != nil {
		return err
	}
	p.made[plan].sockets = files
	secrets, err := p.secrets(p.made[plan])
	if err != nil {
		return err
	}
	files = append(files, secrets...)
	files, err = p.addNonces(files, c)
	if err != nil {
		return err
	}
	if c.Embedded {
		plan.Groups = []mpm.Group{workers(c, model, files)}
		return nil
	}
	return p.separate(plan, c, model, files)
}

// secrets are the files of HTTPS for those who speak HTTP, in the order in which takeCertificates expects them.
func (p *planner) secrets(m *made) (files []*os.File, err error) {
	if m.config.HTTPS == nil {
		return nil, nil
	}
	if m.vault, err = p.keeper.Vault(m.config); err != nil {
		return nil, err
	}
	files = append(files, m.vault.File())
	if m.storage, err = openStorage(m.config, p.log); m.storage != nil {
		files = append(files, m.storage)
	}
	return files, err
}

// adopt goes on with the logs of next, and closes the TCP sockets that it has not, now that it serves: when the processes of last have closed theirs, clients are
// refused and not left waiting for somebody to accept. It returns what those processes have to know about it, for
// parseFarewell: the positions of these sockets among their listeners. Those that systemd has opened are not among them, since
// it keeps what is queued there.
//
// UDP sockets stay until last is retired: somebody reads them so long, and refuses what is new.
func (p *planner) adopt(next, last *mpm.Plan) string {
	kept := p.made[next].sockets
	var orphans []string
	for i := range p.made[last].config.Listeners() {
		if f := p.made[last].sockets[i]; !slices.Contains(kept, f) && !p.sockets.isSystemd(f) {
			orphans = append(orphans, strconv.Itoa(i))
		}
	}
	p.sockets.keep(kept, "tcp")
	if c := p.made[next].config; !reflect.DeepEqual(c.Log, p.made[last].config.Log) {
		configureLogs(p.log, c)
	}
	return strings.Join(orphans, " ")
}

// retire closes what a plan has for itself, and the sockets that no other plan has.
func (p *planner) retire(plan *mpm.Plan) {
	for _, a := range p.made[plan].arenas {
		a.Close()
	}
	if v := p.made[plan].vault; v != nil {
		_ = v.Close()
	}
	if f := p.made[plan].storage; f != nil {
		_ = f.Close()
	}
	delete(p.made, plan)
	var kept []*os.File
	for _, m := range p.made {
		kept = append(kept, m.sockets...)
	}
	p.sockets.keep(kept, "")
}

// reload reads the command line again, and the files that it names. It returns nil if nothing has changed against the present
// plan.
func (p *planner) reload(present *mpm.Plan) (*mpm.Plan, error) {
	before := p.made[present].config
	c, err := parse(before.CommandLine)
	if err == nil {
		err = c.Check()
	}
	if err == nil {
		err = inspect(c)
	}
	if err == nil {
		err = unchangeable(before, c)
	}
	if err == nil {
		_, err = logOptions(c)
	}
	if err != nil || reflect.DeepEqual(c, before) {
		return nil, plain(err)
	}
	return p.plan(c)
}

// plain is an error without the hints for somebody at a terminal.
func plain(err error) error {
	var usage *config.UsageError
	if !errors.As(err, &usage) {
		return err
	}
	complaints := make([]error, len(usage.Complaints))
	for i, c := range usage.Complaints {
		complaints[i] = c
	}
	return errors.Join(complaints...)
}

// unchangeable complains about changes that need a new supervisor.
func unchangeable(before, after *config.Config) error {
	for _, what := range []struct {
		option        string
		before, after any
	}{
		{"--server-root", before.ServerRoot, after.ServerRoot},
		{"--pid-file", before.PidFile, after.PidFile},
		{"--startup-log", before.Log.StartupLog, after.Log.StartupLog},
		{"--embedded-mode", before.Embedded, after.Embedded},
	} {
		if !reflect.DeepEqual(what.before, what.after) {
			return fmt.Errorf("%s cannot be changed without a stop and a start", what.option)
		}
	}
	return nil
}

// workers are the processes of embedded mode.
func workers(c *config.Config, model []byte, files []*os.File) mpm.Group {
	g := &c.Groups[c.Application.ProcessGroup]
	group := groupOf(g)
	group.Role = mpm.Role{Name: g.Name, Args: []string{processName(c), workerVerb}, Env: frontEnvironment(c),
		Dir: c.WorkingDirectory, Credential: credential(g.Credential), Config: model, Files: files}
	return group
}

// separate makes a front, and daemons with an arena for each group. A front that has to become another user does so itself: see
// seclude.
func (p *planner) separate(plan *mpm.Plan, c *config.Config, model []byte, files []*os.File) error {
	plan.Front = &mpm.Role{Name: "front", Args: []string{processName(c), frontVerb},
		Env: frontEnvironment(c), Dir: "/", Credential: credential(c.Credential), Config: model, Files: files}
	if c.Separated() {
		plan.Front.Credential = nil
	}
	plan.Shutdown, plan.Graceful = c.Timeouts.Shutdown, c.Timeouts.Graceful
	for i := range c.Groups {
		g := &c.Groups[i]
		arena, err := cpython.NewArena(scripts.Geometry(c, g))
		if err != nil {
			return err
		}
		p.made[plan].arenas = append(p.made[plan].arenas, arena)
		if err := arena.Unmap(); err != nil {
			return err
		}
		plan.Front.Files = append(plan.Front.Files, arena.FrontFiles()...)
		plan.Groups = append(plan.Groups, daemons(c, g, model, arena))
	}
	return nil
}

// daemons are the processes of a group.
func daemons(c *config.Config, g *config.ProcessGroup, model []byte, arena *cpython.Arena) mpm.Group {
	group := groupOf(g)
	group.Records = scripts.Records(c, g)
	group.Role = mpm.Role{Name: g.Name, Args: []string{g.DisplayName, daemonVerb}, Env: daemonEnvironment(c, g),
		Dir: g.Home, Credential: credential(g.Credential), Config: model, Files: arena.DaemonFiles()}
	if needsRoot(g) {
		group.Credential = nil
	}
	if g.Chroot != "" {
		group.Dir = "/"
	}
	return group
}

// groupOf is what the supervisor has to know about a group.
func groupOf(g *config.ProcessGroup) mpm.Group {
	return mpm.Group{
		Processes: g.Processes,
		Minimum:   g.MinimumProcesses,
		Maximum:   g.MaximumProcesses,
		MinSpare:  g.MinimumSpare,
		MaxSpare:  g.MaximumSpare,
		Startup:   g.Timeouts.Startup,
		Shutdown:  g.Timeouts.Shutdown,
		Graceful:  g.Timeouts.Graceful,
		Eviction:  g.Timeouts.Eviction,
	}
}

func processName(c *config.Config) string {
	if c.ProcessName == "" {
		return "gild"
	}
	return c.ProcessName
}

// childEnvironment is what the supervisor has in its environment and its children may see.
func childEnvironment(c *config.Config) []string {
	env := withoutSystemd(os.Environ())
	if c.Locale != "" {
		env = append(env, "LANG="+c.Locale, "LC_ALL="+c.Locale)
	}
	return env
}

// daemonEnvironment has the home of the user, too: Python looks for the user's packages there when it starts.
func daemonEnvironment(c *config.Config, g *config.ProcessGroup) []string {
	env := childEnvironment(c)
	if g.Credential != nil && g.UserHome != "" {
		env = append(env, "HOME="+g.UserHome, "USER="+g.User, "LOGNAME="+g.User)
	}
	return env
}

func credential(c *config.Credential) *syscall.Credential {
	if c == nil {
		return nil
	}
	return &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
}
