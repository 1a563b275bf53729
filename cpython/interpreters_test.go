package cpython

import (
	"os"
	"path/filepath"
	"testing"
)

// TestInterpretersAreApart: what one application leaves in sys, the other one does not see.
func TestInterpretersAreApart(t *testing.T) {
	list := applications()
	for _, application := range list {
		get(t, application, "remember", "VALUE", string(rune('a'+application)))
	}
	for _, application := range list {
		if a := get(t, application, "remember"); a.body != string(rune('a'+application)) {
			t.Errorf("application %d remembers %q", application, a.body)
		}
	}
}

// TestOwnGIL: a switch of threads that no one asks for is all that could take a GIL from the interpreter that computes.
// With one so rare, the others answer only if they need not have it.
func TestOwnGIL(t *testing.T) {
	if !HasOwnGIL() {
		t.Skipf("interpreters have a GIL of their own from Python 3.12 on; this is %s", ShortVersion())
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "byte"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(1); err != nil {
		t.Fatal(err)
	}
	spin := begin(t, python(), "hold_gil", environ{"FILE", file.Name()})
	spin.EndInput(Complete)
	submit(t, spin, inOwn)
	for _, application := range []int{inMain, inSecond} {
		if a := get(t, application, "hello"); a.body != "hello" {
			t.Errorf("application %d: %v", application, a.String())
		}
	}
	if _, err := file.WriteAt([]byte{1}, 0); err != nil {
		t.Fatal(err)
	}
	if a := read(t, spin, 100); a.body != "released" {
		t.Error(a.String())
	}
	spin.Release()
}
