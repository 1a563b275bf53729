package integration

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// h2specApplication answers with a text, below /hold only after a while: a stream is open meanwhile.
const h2specApplication = `import time

def application(environ, start_response):
    if environ['PATH_INFO'] == '/hold':
        time.sleep(0.5)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'A text that is long enough for windows of a few bytes.\n']
`

// over is a way to reach HTTP/2: the options of h2spec, and the port.
type over struct {
	name    string
	options []string
	port    func(*gild) int
}

var overs = []over{
	{"tls", []string{"--tls", "--insecure"}, func(g *gild) int { return g.https }},
	{"h2c", nil, func(g *gild) int { return g.port }},
}

// concurrency is the section of h2spec that opens more streams than are allowed. It means something only where none of
// them has already been answered by then, so that it is asked for a page that takes its time.
const concurrency = "http2/5.1.2"

// TestH2Spec runs the conformance test h2spec, strict cases included, over TLS and with prior knowledge. Each case passes but
// those of testdata/h2spec.txt, which do not.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	h2spec := tool(t, "h2spec")
	s := startSecureApplication(t, h2specApplication, "--http2", "--threads", "20")
	for _, over := range overs {
		t.Run(over.name, func(t *testing.T) {
			excused := readExcuses(t, "testdata/h2spec.txt", over.name)
			cases := 0
			for _, run := range [][]string{{"--path", "/"}, {"--path", "/hold", concurrency}} {
				for _, c := range runH2Spec(t, h2spec, append(run, over.options...), over.port(s.gild)) {
					if (c.Section == concurrency) == (len(run) == 3) {
						excused.judge(c.name(), c.complaint())
						cases++
					}
				}
			}
			if cases < 140 {
				t.Errorf("h2spec ran %d cases only", cases)
			}
			excused.unused()
		})
	}
}

// h2specCase is one of h2spec's report.
type h2specCase struct {
	Section string    `xml:"package,attr"`
	Title   string    `xml:"classname,attr"`
	Failure *string   `xml:"failure"`
	Error   *string   `xml:"error"`
	Skipped *struct{} `xml:"skipped"`
}

func (c h2specCase) name() string { return c.Section + " " + c.Title }

// complaint is "" for a case that has passed.
func (c h2specCase) complaint() string {
	switch {
	case c.Failure != nil:
		return "wanted and got: " + *c.Failure
	case c.Error != nil:
		return "wanted and got: " + *c.Error
	case c.Skipped != nil:
		return "skipped"
	}
	return ""
}

// runH2Spec returns the cases of one run.
func runH2Spec(t *testing.T, h2spec string, args []string, port int) (cases []h2specCase) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.xml")
	args = append(args, "--strict", "--timeout", "5", "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--junit-report", report)
	output, _ := exec.Command(h2spec, args...).CombinedOutput() // it fails for each case that has not passed
	text, err := os.ReadFile(report)
	var suites struct {
		Suites []struct {
			Cases []h2specCase `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err == nil {
		err = xml.Unmarshal(text, &suites)
	}
	if err != nil {
		t.Fatalf("%v; h2spec said:\n%s", err, output)
	}
	for _, suite := range suites.Suites {
		cases = append(cases, suite.Cases...)
	}
	return cases
}

// excuses are the cases of somebody else's test that gild does not pass, each with a reason.
type excuses struct {
	t    *testing.T
	file string
	open map[string]bool // those that have not happened yet
}

// readExcuses reads a file of excuses: a line is the kind of run, or "*" for each kind, a blank, and the name of the case.
// Comments before it say why, for all lines up to the next empty one.
func readExcuses(t *testing.T, file, kind string) *excuses {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := &excuses{t: t, file: file, open: map[string]bool{}}
	argued := false
	for n, line := range strings.Split(string(text), "\n") {
		switch which, name, _ := strings.Cut(line, " "); {
		case strings.HasPrefix(line, "#"):
			argued = true
		case line == "":
			argued = false
		case !argued:
			t.Fatalf("%s:%d: there is no reason before it", file, n+1)
		case which == kind || which == "*":
			e.open[name] = true
		}
	}
	return e
}

// judge reports a case that has a complaint and no excuse, or an excuse and no complaint.
func (e *excuses) judge(name, complaint string) {
	e.t.Helper()
	switch excused := e.open[name]; {
	case complaint != "" && !excused:
		e.t.Errorf("%s\n%s", name, complaint)
	case complaint == "" && excused:
		e.t.Errorf("%s\nis excused in %s, and passes: remove the line", name, e.file)
	}
	delete(e.open, name)
}

// unused reports the excuses for what does not exist.
func (e *excuses) unused() {
	e.t.Helper()
	for name := range e.open {
		e.t.Errorf("%s excuses %q, and there is no such case", e.file, name)
	}
}
