package mpm

import (
	"strings"
	"testing"
	"time"
)

func TestProcessMessage(t *testing.T) {
	for _, p := range []Process{
		{0, 0, 102, "starting", ""},
		{3, 11, 1 << 22, "dead", "terminated by signal 11 (SIGSEGV)"},
	} {
		if got, err := ParseProcess(p.String()); err != nil || got != p {
			t.Errorf("%q: %+v, %v", p, got, err)
		}
	}
	reason := "first line\nsecond  line\xff" + strings.Repeat("x", maxMessage)
	got, err := ParseProcess(Process{1, 2, 3, "failed", reason}.String())
	if err != nil || !strings.HasPrefix(got.Reason, "first line second line?xxx") || len(got.Reason) != 1000 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "accept", "process", "process 0 0", "process 0 0 1", "process 0 0 1 asleep", "process -1 0 1 ready",
		"process 0 0 4294967296 ready", "process  0 0 1 ready", "process 0 x 1 ready"} {
		if p, err := ParseProcess(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func FuzzParseProcess(f *testing.F) {
	f.Add("process 0 0 102 starting")
	f.Add("process 1 2 3 dead a  b\nc")
	f.Fuzz(func(t *testing.T, message string) {
		p, err := ParseProcess(message)
		if err != nil {
			return
		}
		if p.Group < 0 || p.Record < 0 || p.PID < 0 {
			t.Errorf("%q: %+v", message, p)
		}
		again, err := ParseProcess(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q: %q: %v", message, p, err)
		}
	})
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "15": 15 * time.Second, "0.25": 250 * time.Millisecond} {
		if got, err := Seconds(text); err != nil || got != want || seconds(got) != text {
			t.Errorf("%s: %v, %v, back %s", text, got, err, seconds(got))
		}
	}
	for _, bad := range []string{"", "-1", "NaN", "Inf", "1e300", "5s", " 5"} {
		if got, err := Seconds(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add(envelope{Files: 3, Group: 0, Record: 1, Generation: 2}.seal([]byte("{}")))
	f.Add([]byte("\n"))
	f.Add([]byte(`{"files":-1}` + "\n"))
	f.Fuzz(func(t *testing.T, message []byte) {
		e, config, err := unseal(message)
		if err != nil {
			return
		}
		if e.Files < 0 || e.Files > maxFiles {
			t.Errorf("%d files", e.Files)
		}
		again, same, err := unseal(e.seal(config))
		if err != nil || again != e || string(same) != string(config) {
			t.Errorf("%q: %+v %q %v", message, again, same, err)
		}
	})
}

// Whatever a child says, the supervisor survives it and kills at most that child.
func FuzzHeard(f *testing.F) {
	for _, message := range []string{"ready", "failed x", "renew maximum_requests", "leaving x", "buried 0 0", "kill 0 0 102 x", "load 0 1 2 3", "load"} {
		f.Add(message, true)
		f.Add(message, false)
	}
	f.Fuzz(func(t *testing.T, message string, isFront bool) {
		w := &world{t: t, clock: time.Unix(1700000000, 0)}
		w.play("start daemon processes=1 min=1 max=5 spare=1-2")
		w.play("102 says ready")
		speaker := 102
		if isFront {
			speaker = 101
		}
		w.hears[speaker](message, true)
		w.pass(time.Hour)
		if len(w.s.serving.groups[0].places) == 0 || !w.s.serving.open {
			t.Error("nothing is left")
		}
	})
}
