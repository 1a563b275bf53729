package logs

import "testing"

func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		"warn":                           "warn",
		"ERROR":                          "error",
		"wsgi:debug":                     "warn wsgi:debug",
		"error mod_ssl.c:Info core:crit": "error core:crit ssl:info",
		"wsgi_module:trace8 wsgi:emerg":  "warn wsgi:emerg",
		"":                               "warn",
	} {
		if l, err := ParseLevels(text); err != nil || l.String() != want {
			t.Errorf("%q: %v, %v", text, l, err)
		}
	}
	for _, text := range []string{"chatty", "wsgi:", ":info", "wsgi:info:debug", "warn,info"} {
		if l, err := ParseLevels(text); err == nil {
			t.Errorf("%q: %v", text, l)
		}
	}
}

// Each module has its level, and a notice is always kept.
func TestLevelsKeep(t *testing.T) {
	l, err := ParseLevels("error wsgi:info core:emerg")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		module string
		level  Level
		kept   bool
	}{
		{"mpm", Error, true}, {"mpm", Warn, false}, {"mpm", Notice, true}, {"mpm", Info, false},
		{"wsgi", Info, true}, {"wsgi", Debug, false},
		{"core", Emerg, true}, {"core", Alert, false}, {"core", Notice, true},
	} {
		if l.keeps(&Record{Module: c.module, Level: c.level}) != c.kept {
			t.Errorf("%s:%v", c.module, c.level)
		}
		if c.kept && !enabled(c.level, l.most()) {
			t.Errorf("%s:%v is not even asked for", c.module, c.level)
		}
	}
}
