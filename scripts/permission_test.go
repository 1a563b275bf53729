package scripts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gild/config"
	"gild/cpython"
	"gild/logs"
)

// storyPermission is a daemon process of the group of the permission script with its front, under an MPM with seats. The
// script is asked; is changed and asked again, until the process wants to be replaced; is asked when there is no
// replacement to be had; and when the process is about to go.
func storyPermission() {
	script := filepath.Join(os.Getenv("GILD_TEST_DIRECTORY"), "allow.py")
	write := func(source string) {
		if err := os.WriteFile(script, []byte(source), 0o666); err != nil {
			panic(err)
		}
	}
	write("import mod_wsgi\ndef allow_certificate(name): return name == mod_wsgi.process_group + '.example.com'")
	python, e, pool := startPermission(script)
	permit := func(ctx context.Context, name string) {
		text := fmt.Sprint(e.Permit(ctx, name))
		fmt.Println(name, strings.ReplaceAll(text, script, "allow.py"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	permit(ctx, "certificates.example.com")
	permit(ctx, "other.example.com")
	write("def allow_certificate(name): return True  # longer than it was, so that the change is seen at any time stamp")
	go func() {
		fmt.Println(<-python.Attention())
		cancel()
	}()
	permit(ctx, "certificates.example.com")
	python.Reopen()
	permit(context.Background(), "certificates.example.com")
	permit(context.Background(), "other.example.com")
	python.Close()
	pool.Process(0, os.Getpid(), cpython.Draining)
	permit(context.Background(), "certificates.example.com")
	python.Stop()
}

// startPermission starts the Python of that group, and the front for it and for another group without processes.
func startPermission(script string) (*Python, *Engine, *cpython.Pool) {
	c := &config.Config{
		Python:          config.Python{Executable: os.Getenv("GILD_PYTHON"), DestroyInterpreter: true},
		MPM:             config.Worker,
		ScriptReloading: true,
		HTTPS:           &config.HTTPS{Automatic: &config.Automatic{PermissionScript: script}},
		Groups: []config.ProcessGroup{
			{Name: "localhost:8000", Processes: 1, MaximumProcesses: 1, Threads: 1},
			{Name: "certificates", Permission: true, Processes: 1, MaximumProcesses: 1, Threads: 1},
		},
	}
	var pools []*cpython.Pool
	var arena *cpython.Arena
	for i := range c.Groups {
		var err error
		if arena, err = cpython.NewArena(Geometry(c, &c.Groups[i])); err != nil {
			panic(err)
		}
		pools = append(pools, cpython.NewPool(arena, PoolConfig(c, &c.Groups[i], nil)))
	}
	python, err := StartPython(c, Place{Arena: arena, Group: 1, LogFD: -1, Level: logs.Debug})
	if err != nil || python.LoadError() != "" {
		panic(fmt.Sprint(err, python.LoadError()))
	}
	pools[1].Process(0, os.Getpid(), cpython.Ready)
	return python, NewEngine(c, pools, testLog), pools[1]
}

// TestPermissionGroup: the script runs in its group, and a process with an old one asks to be replaced before it answers.
func TestPermissionGroup(t *testing.T) {
	want := []string{
		"certificates.example.com <nil>",
		"other.example.com the permission script refuses the name",
		"script_reload",
		`certificates.example.com permission script 'allow.py', asked for "certificates.example.com": the client did not wait for the answer`,
		"certificates.example.com <nil>",
		"other.example.com the permission script refuses the name",
		`certificates.example.com permission script 'allow.py', asked for "certificates.example.com": no process is there to run it`,
	}
	if got := tell(t, "permission"); !slices.Equal(got, want) {
		t.Errorf("the story is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
