package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// about says where and how the figures were taken.
type about struct {
	Started, Finished time.Time
	CPU, Kernel       string
	Cores             int
	LoadBefore        string // the load average when the run began: who else was at work
	Rounds, Seconds   int
	Command           string
	Versions          []version
	Setups            []setup
}

// version is a program and what it says of itself.
type version struct{ Name, Text string }

// setup is how a server was started, with the paths of this machine taken out.
type setup struct{ Server, About, Command string }

func (b *bench) about(g group) about {
	return about{
		Started: time.Now(), CPU: cpuModel(), Kernel: firstLine("uname", "-sr"), Cores: runtime.NumCPU(),
		LoadBefore: loadAverage(), Rounds: b.Rounds, Seconds: b.Seconds,
		Command:  strings.Join(append([]string{"bench/run"}, os.Args[1:]...), " "),
		Versions: b.versions(g), Setups: b.setups(g),
	}
}

// versions asks every program that takes part; one that is not installed is left out here and missing below.
func (b *bench) versions(g group) []version {
	list := append([]version{
		{"Debian", firstLine("cat", "/etc/debian_version")},
		{"Python", firstLine("bench/scratch/venv/bin/python", "--version")},
		{"Go", runtime.Version()},
		{"wrk", debianVersion("wrk")},
	}, g.Programs()...)
	seen := map[string]bool{}
	for _, srv := range g.Servers {
		if key := strings.Join(srv.Version, " "); !seen[key] && srv.lacks() == "" {
			seen[key] = true
			name, _, _ := strings.Cut(srv.Name, "-")
			list = append(list, version{name, firstLine(srv.Version...)})
		}
	}
	return list
}

func httpPrograms() []version {
	return []version{{"mod_wsgi", debianVersion("libapache2-mod-wsgi-py3")},
		{"Flask", distribution("Flask")}, {"Django", distribution("Django")}}
}

func debianVersion(name string) string {
	return firstLine("dpkg-query", "-W", "-f", "${Version}", name)
}

func distribution(name string) string {
	return firstLine("bench/scratch/venv/bin/python", "-c",
		"from importlib import metadata; print(metadata.version('"+name+"'))")
}

// setups are the commands, as a reader could type them in the checkout.
func (b *bench) setups(g group) []setup {
	plain := strings.NewReplacer(b.Root+"/", "")
	s := site{places: b.places, Dir: "DIR", Port: "PORT", OtherPort: "PORT2", App: "hello"}
	var list []setup
	for _, srv := range pick(g.Servers, b.Servers) {
		commands := []string{strings.Join(srv.Command(s), " ")}
		if srv.Behind != nil {
			commands = append(commands, strings.Join(srv.Behind(s), " "))
		}
		list = append(list, setup{srv.Name, srv.About, plain.Replace(strings.Join(commands, "\n    "))})
	}
	return list
}

// firstLine is what a program prints first, or why it printed nothing.
func firstLine(command ...string) string {
	out, err := exec.Command(command[0], command[1:]...).Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if line == "" {
		return fmt.Sprintf("unknown (%v)", err)
	}
	return line
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	average, _, _ := strings.Cut(string(text), " ")
	return average
}
