package scripts

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A story runs in a process of its own, since Python can be started once in the life of a process; what it prints is what
// the test looks at.
var stories = map[string]func(){
	"permission": storyPermission,
	"seats":      storySeats,
}

// TestMain is two programs: the tests, and, in a process that tell has started, a story.
func TestMain(m *testing.M) {
	if name := os.Getenv("GILD_TEST_STORY"); name != "" {
		stories[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tell runs a story and returns the lines that it has printed.
func tell(t *testing.T, name string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), "GILD_TEST_STORY="+name, "GILD_TEST_DIRECTORY="+t.TempDir())
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
