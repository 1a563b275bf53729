package scripts

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gild/config"
)

// TestAnswerCacheKey: questions that differ in anything have keys of their own, and a changed script makes all of its keys others.
func TestAnswerCacheKey(t *testing.T) {
	c := newAnswerCache(time.Hour)
	path := filepath.Join(t.TempDir(), "auth.py")
	to := &question{&group{ProcessGroup: new(config.ProcessGroup)}, script{path: path}, 0}
	asked := func(question string, values ...string) inquiry {
		q := inquiry{question: question, keep: true}
		for _, v := range values {
			q.arguments = append(q.arguments, argument{"key", v})
		}
		return q
	}
	different := []inquiry{asked("password", "spy", "secret"), asked("password", "spys", "ecret"), asked("password", "spy", "secre"),
		asked("digest", "spy", "secret"), asked("password", "spy"), asked("password", "spysecret"), asked("password", "secret", "spy")}
	seen := map[answerKey]string{}
	for _, content := range []string{"", "def", "define"} {
		if err := os.WriteFile(path, []byte(content), 0o666); content != "" && err != nil {
			t.Fatal(err)
		}
		for _, q := range different {
			key, is := c.key(to, q), fmt.Sprintf("%v with %q", q, content)
			if other, twice := seen[key]; twice {
				t.Errorf("%s and %s have the same key", is, other)
			}
			seen[key] = is
			if c.key(to, q) != key {
				t.Errorf("%s has two keys", is)
			}
		}
	}
	if newAnswerCache(time.Hour).key(to, different[0]) == c.key(to, different[0]) {
		t.Error("the keys of one cache are those of another: they tell about passwords")
	}
}

// TestAnswerCache: answers are remembered as long as they may be; a cache is bounded, and there may be none.
func TestAnswerCache(t *testing.T) {
	to := &question{&group{ProcessGroup: new(config.ProcessGroup)}, script{path: "/there/is/none"}, 0}
	key := func(c *answerCache, n int) answerKey {
		return c.key(to, inquiry{keep: true, arguments: []argument{{"key", fmt.Sprint(n)}}})
	}
	for life, want := range map[time.Duration]bool{0: false, time.Hour: true, -time.Nanosecond: false} {
		c := newAnswerCache(life)
		c.put(key(c, 1), answer{answerText, "me"})
		if got, ok := c.get(key(c, 1)); ok != want || ok && got.text != "me" {
			t.Errorf("life %v: %v %v", life, got, ok)
		}
		if _, ok := c.get(key(c, 2)); ok {
			t.Errorf("life %v: what was not asked is remembered", life)
		}
	}
	c := newAnswerCache(time.Hour)
	for n := range mostAnswers + 10 {
		c.put(key(c, n), answer{word: answerTrue})
	}
	if len(c.known) > mostAnswers {
		t.Errorf("%d answers are remembered", len(c.known))
	}
	if k := c.key(to, inquiry{keep: false}); k != (answerKey{}) {
		t.Error("a question that is asked each time has a key")
	}
}
