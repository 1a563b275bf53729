package integration

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
)

// update rewrites the expected answers of the stories that fail by what gild really answered; read the diff before
// you commit it.
var update = flag.Bool("u", false, "rewrite the expected answers in testdata")

// built is the binary under test and what it says about itself. TestMain fills it once; the tests only read it.
var built struct {
	gild    string // absolute path
	version string // all of what gild --version printed
	python  [2]int // major and minor version of the Python inside
	watched bool   // by the race detector or AddressSanitizer, which need several times the memory
}

func TestMain(m *testing.M) {
	flag.Parse()
	manyAtOnce()
	os.Exit(runTests(m))
}

// manyAtOnce lets more tests run at a time than there are processors: most of them wait for a process to start, or for a
// timeout of the server, rather than compute. What was asked for with -parallel is left.
func manyAtOnce() {
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
}

// runTests builds gild into a temporary directory, or takes the one that $GILD names, and runs the tests with it.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gild-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // other users run the binary, too
	if err := findBinary(dir); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	return m.Run()
}

// findBinary fills built.
func findBinary(dir string) (err error) {
	built.gild = os.Getenv("GILD")
	if built.gild == "" {
		built.gild, err = build(filepath.Join(dir, "gild"))
	}
	if err != nil {
		return err
	}
	if built.gild, err = filepath.Abs(built.gild); err != nil {
		return err
	}
	return askVersion()
}

// build compiles gild; the cgo flags come from the environment, as make env prints them.
func build(path string) (string, error) {
	args := []string{"build", "-o", path}
	if extra := os.Getenv("GILD_BUILD_FLAGS"); extra != "" { // -race or -asan, for the sanitizer runs
		args = append(args, extra)
	}
	out, err := exec.Command("go", append(args, "gild")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s\nrun it as `make test`, or after `eval \"$(make -s env)\"`", err, out)
	}
	return path, nil
}

var pythonVersion = regexp.MustCompile(`Python (\d+)\.(\d+)`)

// askVersion runs gild --version, which proves that the binary starts at all and says which Python is inside.
func askVersion() error {
	out, err := exec.Command(built.gild, "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s --version: %w\n%s", built.gild, err, out)
	}
	built.version = string(out)
	match := pythonVersion.FindSubmatch(out)
	if match == nil {
		return errors.New("gild --version does not say which Python is inside:\n" + string(out))
	}
	built.python[0], _ = strconv.Atoi(string(match[1]))
	built.python[1], _ = strconv.Atoi(string(match[2]))
	return askBuild()
}

// askBuild reads from the binary how it was built.
func askBuild() error {
	info, err := buildinfo.ReadFile(built.gild)
	if err != nil {
		return err
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" || setting.Key == "-asan" {
			built.watched = built.watched || setting.Value == "true"
		}
	}
	return nil
}
