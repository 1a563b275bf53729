package logs

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("u", false, "rewrite the golden files with what the code gives")

func TestMain(m *testing.M) {
	time.Local = time.UTC // the error log prints local time
	os.Exit(m.Run())
}

// golden runs every case of a file: an unindented line is the input, the lines indented by four spaces below it are what
// run must return for it. Empty lines and those that begin with '#' are for the reader.
func golden(t *testing.T, path string, run func(input string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cases := 0
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		out.WriteString(lines[i] + "\n")
		if lines[i] == "" || lines[i][0] == '#' {
			continue
		}
		input, want := lines[i], ""
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    ") {
			i++
			want += lines[i] + "\n"
		}
		got := ""
		for line := range strings.SplitSeq(strings.TrimSuffix(run(input), "\n"), "\n") {
			got += "    " + line + "\n"
		}
		out.WriteString(got)
		cases++
		if got != want && !*update {
			t.Errorf("%s: %s\ngot:\n%swant:\n%s", path, input, got, want)
		}
	}
	if cases == 0 {
		t.Errorf("%s has no case", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// packetPair returns the two ends of a log socket.
func packetPair(t *testing.T) (fd int, supervisor *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[0]) })
	return fds[0], os.NewFile(uintptr(fds[1]), "supervisor")
}
