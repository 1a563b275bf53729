package scripts

import (
	"embed"
	"runtime/debug"
	"strings"

	"gild/config"
	"gild/server/pagestyle"
)

//go:embed prelude.py
var prelude string

// later are the files of the prelude that prelude.py compiles when they are first needed: most processes never do, and
// all would pay for it when they start.
//
//go:embed stacks.py metrics.py files.py loghandler.py welcome.py questions.py
var later embed.FS

// addLater adds the source of each of those files, under its name. The welcome page gets the style of all pages.
func addLater(f *fields) {
	entries, err := later.ReadDir(".")
	if err != nil {
		panic(err) // it is part of the program
	}
	for _, entry := range entries {
		source, err := later.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		f.add(entry.Name(), strings.Replace(string(source), "<style>@style@", "<style>"+pagestyle.CSS, 1))
	}
}

// addServer adds what the module apache tells.
func addServer(f *fields, c *config.Config) {
	f.add("server_description", ServerSoftware)
	f.add("mpm_name", c.MPM)
	f.add("build_date", buildDate())
}

// buildDate is the time of the commit that gild was built from, or "" when that is not known. The time of the build
// itself would make every build another one.
func buildDate() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			return s.Value
		}
	}
	return ""
}

// identity is what names the user in os.environ, for a process that is another's than of whoever started gild: code
// looks there for the home directory. Nothing for one that is not.
func identity(group *config.ProcessGroup) []config.Pair {
	if group.Credential == nil {
		return nil
	}
	pairs := []config.Pair{{Key: "USER", Value: group.User}, {Key: "USERNAME", Value: group.User}, {Key: "LOGNAME", Value: group.User}}
	if group.UserHome != "" {
		pairs = append(pairs, config.Pair{Key: "HOME", Value: group.UserHome})
	}
	return pairs
}
