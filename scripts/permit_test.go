package scripts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gild/config"
)

// testPermission answers by the name that it is asked for, in every way that Python code can.
const testPermission = `
import mod_wsgi, sys, time

def allow_certificate(name):
    return globals()[name.split('.')[0]](name)

def yes(name): return True
def no(name): return False
def nothing(name): pass
def number(name): return 1
def waits(name): time.sleep(2)
def raises(name): raise KeyError(name)
def leaves(name): sys.exit(1)
async def promises(name): return True
def whereabouts(name): return mod_wsgi.application_group == 'certificates' and name == 'whereabouts.example.com'
`

// TestPermit has names and why they are not permitted; "" are those that are.
func TestPermit(t *testing.T) {
	for name, want := range map[string]string{
		"yes.example.com":         "",
		"whereabouts.example.com": "",
		"no.example.com":          "the permission script refuses the name",
		"nothing.example.com":     "the permission script refuses the name",
		"number.example.com":      `, asked for "number.example.com": allow_certificate() must return True, False or None, not int`,
		"promises.example.com":    "allow_certificate() must return True, False or None, not coroutine",
		"raises.example.com":      `, asked for "raises.example.com": it failed, or could not be loaded; the log has the reason`,
		"leaves.example.com":      "it failed, or could not be loaded; the log has the reason",
		"absent\n.example.com":    `, asked for "absent\n.example.com": it failed`,
	} {
		err := testEngine().Permit(t.Context(), name)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
		if refused := want == ErrNotPermitted.Error(); errors.Is(err, ErrNotPermitted) != refused || testLog.has(name) == (refused || want == "") {
			t.Errorf("%q: what went wrong belongs into the log, a refusal does not: %v", name, err)
		}
	}
	if got := exchange(t, "GET /mount/ HTTP/1.1\r\nHost: x\r\nKeys: mod_wsgi.application_group MINE\r\n\r\n")[0]; got != "200 mod_wsgi.application_group=''\nMINE='1'" {
		t.Errorf("the application answers %s", got)
	}
}

// TestPermitGivesUp: nobody waits longer than his context for a script that hangs, and there are as many threads as before
// when it is through.
func TestPermitGivesUp(t *testing.T) {
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		err := testEngine().Permit(ctx, "waits.example.com")
		cancel()
		if err == nil || !strings.HasSuffix(err.Error(), "it took too long") {
			t.Fatalf("a script that hangs: %v", err)
		}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := testEngine().Permit(gone, "waits.example.com"); err == nil {
		t.Error("the client has gone, and the name is permitted")
	}
	if err := testEngine().Permit(t.Context(), "yes.example.com"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestPermitTogether: more who ask than there are threads get their answers.
func TestPermitTogether(t *testing.T) {
	const many = 20
	answers := make(chan error, many)
	for range many {
		go func() { answers <- testEngine().Permit(t.Context(), "yes.example.com") }()
	}
	for range many {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestPermitWithoutScript(t *testing.T) {
	e := NewEngine(new(config.Config), nil, testLog)
	if err := e.Permit(t.Context(), "www.example.com"); err == nil {
		t.Error("a name is permitted without a script")
	}
}
