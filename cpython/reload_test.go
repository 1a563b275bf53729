package cpython

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func init() {
	stories["reload"] = storyReload
	stories["reload-embedded"] = storyReloadEmbedded
	stories["reload-hook"] = storyReloadHook
}

// scriptPath is the script that a story changes.
func scriptPath() string { return os.Getenv("GILD_TEST_FILE") }

// script is the text of one that answers with a text.
func script(text, more string) string {
	return "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'" + text + "']\n" + more
}

// edit replaces the script. Each edit has a time of its own, whatever the resolution of the clock.
var edits int64

func edit(text string) {
	edits++
	if err := os.WriteFile(scriptPath(), []byte(text), 0o666); err != nil {
		panic(err)
	}
	if err := os.Chtimes(scriptPath(), time.Time{}, time.Unix(edits, 0)); err != nil {
		panic(err)
	}
}

// reloading is a Python whose application is the script.
func reloading(c *Config) {
	mainOnly(c)
	oneThread(c)
	c.ScriptReloading = true
	c.Applications[0] = Application{Spec: scriptPath(), Name: scriptPath()}
}

// verdict makes a request and prints what the pool says about it.
func verdict() {
	var t story
	r := begin(t, storyPython, "", nil)
	r.EndInput(Complete)
	submit(t, r, inMain)
	a := read(t, r, 100)
	fmt.Println("verdict:", r.Verdict(), a.body)
	r.Release()
}

func storyReload() {
	edit(script("first", ""))
	storyPool(reloading)
	verdict()
	edit("1 / 0")
	verdict()
	storyPython.Reopen()
	fmt.Println("attention:", <-storyPython.Attention())
	verdict() // the replacement cannot be loaded: the old one goes on
	if err := os.Remove(scriptPath()); err != nil {
		panic(err)
	}
	verdict() // no script is no new script
	edit(script("third", ""))
	verdict()
	storyPython.Reopen()
	fmt.Println("attention:", <-storyPython.Attention())
	for _, message := range storyJournal.take() {
		fmt.Println("log:", message)
	}
}

// tellScript tells a story with a script of its own, whose path is SCRIPT in what it prints.
func tellScript(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.wsgi")
	out, state := tell(t, name, "GILD_TEST_FILE="+file)
	if !state.Success() {
		t.Errorf("%s: %v", name, state)
	}
	return strings.ReplaceAll(out, file, "SCRIPT")
}

// TestReload: a request that finds its script changed is for another process, until that turns out to be no better.
func TestReload(t *testing.T) {
	const want = `verdict: 0 first
verdict: 1 
attention: script_reload
verdict: 0 first
verdict: 0 first
verdict: 1 
attention: script_reload
log: Forcing restart of daemon process 'group' due to modification of script 'SCRIPT'.
log: Forcing restart of daemon process 'group' due to modification of script 'SCRIPT'.
`
	if out := tellScript(t, "reload"); out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
}

func storyReloadEmbedded() {
	edit(script("first", ""))
	storyPool(func(c *Config) { reloading(c); c.ProcessGroup = "" })
	play("")
	edit(script("second", ""))
	play("")
	edit("1 / 0")
	play("")
	play("")
	edit(script("fourth", ""))
	play("")
}

// TestReloadEmbedded: without a process that could replace this one the script is executed again, and one that fails
// changes nothing.
func TestReloadEmbedded(t *testing.T) {
	const want = `answer: 200 first
answer: 200 second
log: Reloading WSGI script 'SCRIPT' into main interpreter in embedded mode.
answer: 200 second
log: Reloading WSGI script 'SCRIPT' into main interpreter in embedded mode.
log: WSGI script 'SCRIPT' has changed and cannot be loaded: the old one goes on serving.
(traceback)
answer: 200 second
answer: 200 fourth
log: Reloading WSGI script 'SCRIPT' into main interpreter in embedded mode.
`
	out := tellScript(t, "reload-embedded")
	out = regexp.MustCompile(`(?s)Traceback .*?ZeroDivisionError: division by zero`).ReplaceAllString(out, "(traceback)")
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
}

const hook = `
answers = []
def reload_required(path):
    return answers.pop(0)(path)
`

func storyReloadHook() {
	edit(script("hooked", hook+"answers = [lambda path: '', lambda path: 1 / 0, lambda path: path == "+fmt.Sprintf("%q", scriptPath())+"]"))
	storyPool(reloading)
	edit("is not looked at")
	verdict()
	verdict()
	verdict()
	storyPython.Reopen()
	verdict() // the script is not asked again at once
	for _, message := range storyJournal.take() {
		fmt.Println("log:", strings.SplitN(message, "\n", 2)[0])
	}
}

// TestReloadHook: reload_required() decides if there is one.
func TestReloadHook(t *testing.T) {
	const want = `verdict: 0 hooked
verdict: 0 hooked
verdict: 1 
verdict: 0 hooked
log: Exception occurred in reload_required() of WSGI script 'SCRIPT'; it is not reloaded.
log: Forcing restart of daemon process 'group' due to modification of script 'SCRIPT'.
`
	if out := tellScript(t, "reload-hook"); out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
}
