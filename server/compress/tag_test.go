package compress

import (
	"strings"
	"testing"
)

func TestWeaken(t *testing.T) {
	for tag, want := range map[string]string{
		`"abc"`: `W/"abc-gzip"`, `W/"abc"`: `W/"abc-gzip"`, `""`: `W/"-gzip"`,
		`abc`: `abc`, `"`: `"`, `W/"`: `W/"`, ``: ``, `"a"b"`: `"a"b"`,
	} {
		if got := Weaken(tag, "gzip"); got != want {
			t.Errorf("%s became %s, want %s", tag, got, want)
		}
	}
}

func TestRestore(t *testing.T) {
	cases := []struct{ list, want, given, made string }{
		{`W/"abc-gzip"`, `"abc"`, `"abc"`, `W/"abc-gzip"`},
		{`"x", W/"abc-zstd", W/"y", W/"d-br"`, `"x", "abc", W/"y", "d"`, `"abc" "d"`, `W/"abc-zstd" W/"d-br"`},
		{`"abc-gzip"`, `"abc-gzip"`, "", ""}, // strong: somebody else's
		{`*`, `*`, "", ""},
		{`W/"abc-gzip`, `W/"abc-gzip`, "", ""},
		{``, ``, "", ""},
	}
	for _, c := range cases {
		got, given, made := Restore(c.list)
		if got != c.want || strings.Join(given, " ") != c.given || strings.Join(made, " ") != c.made {
			t.Errorf("%s became %s (%s of %s)", c.list, got, given, made)
		}
	}
}

// FuzzTags: what Weaken has made, Restore undoes, in any list; and what it has not made stays.
func FuzzTags(f *testing.F) {
	f.Add("abc", `"x", `)
	f.Add("", `W/"y-gzip",`)
	f.Add("a-gzip", "*")
	f.Fuzz(func(t *testing.T, opaque, list string) {
		restored, given, made := Restore(list)
		if len(given) != len(made) || len(restored) > len(list) || len(made) == 0 && restored != list {
			t.Errorf("%q became %q, %d of %d", list, restored, len(given), len(made))
		}
		if strings.Contains(opaque, `"`) {
			return
		}
		tag := `"` + opaque + `"`
		for _, coding := range Offers {
			weak := Weaken(tag, coding)
			if got, _, made := Restore(weak); got != tag || len(made) != 1 || made[0] != weak {
				t.Errorf("%q became %q, and that %q", tag, weak, got)
			}
		}
	})
}
