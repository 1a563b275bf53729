package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// tool is the path of a program that build/tools.sh installs into $GILD_TOOLS.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("GILD_TOOLS"), name)
	if _, err := os.Stat(path); os.Getenv("GILD_TOOLS") == "" || err != nil {
		absent(t, name+" is not in GILD_TOOLS")
	}
	return path
}

// program is the path of a program of a Debian package.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		absent(t, name+" is not installed")
	}
	return path
}

// clients is the Python of the virtual environment that build/tools.sh makes, in $GILD_CLIENTS.
func clients(t *testing.T) string {
	t.Helper()
	venv := os.Getenv("GILD_CLIENTS")
	if venv == "" {
		absent(t, "GILD_CLIENTS is not set")
	}
	return filepath.Join(venv, "bin", "python")
}

// absent skips the test, except in CI: there a test that silently does not run would be taken for one that passed.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what + ": in CI it must be there; `make test` installs it")
	}
	t.Skip(what + ": run this with `make test`, which installs it")
}

// companion is a program that runs beside gild for as long as a test.
type companion struct {
	cmd    *exec.Cmd
	output buffer        // standard output and standard error
	done   chan struct{} // closed when it has ended
}

// accompany starts a program, which is killed, with all that it has started, at the end of the test.
func accompany(t *testing.T, cmd *exec.Cmd) *companion {
	t.Helper()
	c := &companion{cmd: cmd, done: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = &c.output
	}
	cmd.Stderr = &c.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(c.done) }()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(cmd.Path), c.output.String())
		}
	})
	return c
}

// kill ends the program with all that it has started.
func (c *companion) kill() {
	syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.done
}

// alive is an error when the program has ended.
func (c *companion) alive() error {
	select {
	case <-c.done:
		return errors.New(filepath.Base(c.cmd.Path) + " has ended: " + c.cmd.ProcessState.String())
	default:
		return nil
	}
}
