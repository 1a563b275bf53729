package integration

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// relative is a process that the supervisor of a gild has started.
type relative struct {
	pid  int
	role string // the verb on its command line: front, daemon or worker
	born int    // when it started, in clock ticks since the machine did
}

// family are the processes of a gild other than the supervisor, the oldest first. One that has not yet become gild, or
// that has ended and not been waited for, is not among them.
func (g *gild) family() []relative {
	var list []relative
	for _, pid := range children(g.cmd.Process.Pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		words := strings.Split(string(line), "\x00")
		if len(words) > 1 && slices.Contains([]string{"front", "daemon", "worker"}, words[1]) {
			list = append(list, relative{pid, words[1], birth(pid)})
		}
	}
	slices.SortFunc(list, func(a, b relative) int {
		return cmp.Or(cmp.Compare(a.born, b.born), cmp.Compare(a.pid, b.pid))
	})
	return list
}

// members are the process numbers of one role, the oldest first.
func (g *gild) members(role string) []int {
	var list []int
	for _, r := range g.family() {
		if r.role == role {
			list = append(list, r.pid)
		}
	}
	return list
}

// application are the processes that run Python: the daemons, or the workers of embedded mode.
func (g *gild) application() []int {
	return append(g.members("daemon"), g.members("worker")...)
}

// member waits until there is exactly one process of the role, and returns its number.
func (g *gild) member(role string) (pid int, err error) {
	err = retry(func() error {
		list := g.members(role)
		if len(list) != 1 {
			return fmt.Errorf("%d processes are a %s, want 1", len(list), role)
		}
		pid = list[0]
		return nil
	})
	return pid, err
}

// signal sends sig to a process: "supervisor", "front", "daemon" or "worker" if there is one of it, the number of any; or to
// all "daemons", "workers", or "python", whichever of the two there are.
func (g *gild) signal(sig syscall.Signal, target string) error {
	switch target {
	case "supervisor":
		return g.cmd.Process.Signal(sig)
	case "daemons", "workers":
		return signalAll(sig, g.members(strings.TrimSuffix(target, "s")))
	case "python":
		return signalAll(sig, g.application())
	case "front", "daemon", "worker":
		pid, err := g.member(target)
		return errors.Join(err, signalAll(sig, []int{pid}))
	}
	pid, err := strconv.Atoi(target)
	if err != nil || pid <= 1 {
		return fmt.Errorf("no process %q", target)
	}
	return syscall.Kill(pid, sig)
}

func signalAll(sig syscall.Signal, pids []int) error {
	if len(pids) == 0 {
		return errors.New("there is no such process")
	}
	for _, pid := range pids {
		if pid > 1 {
			syscall.Kill(pid, sig) // it may have gone by itself
		}
	}
	return nil
}

// children are the processes whose parent is pid.
func children(pid int) []int {
	var list []int
	each(func(child int) {
		if field(child, 4) == pid {
			list = append(list, child)
		}
	})
	return list
}

// birth is when a process was started.
func birth(pid int) int { return field(pid, 22) }

// field is a number of /proc/PID/stat, counted as in proc(5), where 4 is the first; -1 if the process has gone.
func field(pid, number int) int {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // after the name, which may contain anything: fields 3, 4...
	fields := bytes.Fields(rest)
	if len(fields) <= number-3 {
		return -1
	}
	n, _ := strconv.Atoi(string(fields[number-3]))
	return n
}

// marked are the processes, zombies aside, that were started with the marker of dir.
func marked(dir string) []int {
	var list []int
	each(func(pid int) {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if bytes.Contains(env, []byte(marker+"="+dir+"\x00")) {
			list = append(list, pid)
		}
	})
	return list
}

// each calls f with the number of every process there is.
func each(f func(pid int)) {
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		f(pid)
	}
}

// running waits until so many processes run Python, none of which is one of those given, and returns their numbers.
func (g *gild) running(want int, except ...int) (pids []int) {
	g.t.Helper()
	err := retry(func() error {
		pids = g.application()
		for _, pid := range pids {
			if slices.Contains(except, pid) {
				return fmt.Errorf("process %d is still there", pid)
			}
		}
		if len(pids) != want {
			return fmt.Errorf("%d processes run Python, want %d", len(pids), want)
		}
		return nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return pids
}

// replaced waits until others have taken the places of the processes given, and returns the numbers of those.
func (g *gild) replaced(pids []int) []int {
	g.t.Helper()
	return g.running(len(pids), pids...)
}

// tell sends a signal as gild.signal does; that there is nobody to send it to ends the test.
func (g *gild) tell(sig syscall.Signal, target string) {
	g.t.Helper()
	if err := g.signal(sig, target); err != nil {
		g.t.Fatal(err)
	}
}
