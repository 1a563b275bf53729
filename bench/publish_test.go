package main

import (
	"os"
	"testing"
)

func TestPublishedKeepsWhatWasNotRun(t *testing.T) {
	const http, tls = "# Benchmark\n\n## hello\n\n    # not a heading\n", "# Benchmark of HTTPS\n\n## h2\n"
	for _, c := range []struct {
		about, before string
		parts         map[string]string
		want          string
	}{
		{"a new page", "", map[string]string{"http": http, "tls": tls}, http + "\n" + tls},
		{"one group of a new page", "", map[string]string{"tls": tls}, tls},
		{"the other group stays", http + "\n# Benchmark of HTTPS\n\nold\n", map[string]string{"tls": tls}, http + "\n" + tls},
		{"the first group is replaced", "# Benchmark\n\nold\n\n" + tls, map[string]string{"http": http}, http + "\n" + tls},
		{"an unknown part goes", "# Old\n\nold\n\n" + tls, map[string]string{"http": http}, http + "\n" + tls},
	} {
		if got := published(c.before, c.parts); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
}

func TestOnlyCompleteGroupsKeepThePage(t *testing.T) {
	for _, c := range []struct {
		about    string
		args     []string
		groups   []string
		narrowed bool
	}{
		{"everything", nil, []string{"http", "tls", "site"}, false},
		{"a group", []string{"-groups", "tls"}, []string{"tls"}, false},
		{"a case of one group", []string{"-cases", "h3"}, []string{"tls"}, true},
		{"a server of one group", []string{"-servers", "uwsgi"}, []string{"http"}, true},
		{"a server of all", []string{"-servers", daemon}, []string{"http", "tls", "site"}, true},
		{"narrowed, then a group", []string{"-cases", "h3,hello", "-groups", "tls"}, []string{"tls"}, true},
		{"quick", []string{"-quick", "-groups", "tls"}, []string{"tls"}, true},
	} {
		o, err := parseOptions(c.args)
		if got := names(o.chosen()); err != nil || len(got) != len(c.groups) || got[0] != c.groups[0] || o.narrowed != c.narrowed {
			t.Errorf("%s: groups %q, narrowed %t (%v); want %q, %t", c.about, got, o.narrowed, err, c.groups, c.narrowed)
		}
	}
}

func TestPublishLeavesThePageAloneUnlessComplete(t *testing.T) {
	at := places{Root: t.TempDir(), Work: t.TempDir()}
	if err := os.MkdirAll(at.Root+"/bench", 0o755); err != nil {
		t.Fatal(err)
	}
	page, table := at.Root+"/bench/RESULTS.md", at.Work+"/TABLE.md"
	for _, c := range []struct {
		o          options
		part, file string
		want       string
	}{
		{options{}, "http", page, "# Benchmark\n"},
		{options{}, "tls", page, "# Benchmark\n\n# Benchmark of HTTPS\n"},
		{options{narrowed: true}, "http", table, "# Benchmark\n"},
		{options{narrowed: true}, "tls", table, "# Benchmark of HTTPS\n"},
	} {
		title := map[string]string{"http": "# Benchmark\n", "tls": "# Benchmark of HTTPS\n"}[c.part]
		err := publish(c.o, at, map[string]string{c.part: title})
		if got, _ := os.ReadFile(c.file); err != nil || string(got) != c.want {
			t.Errorf("%s: %q (%v), want %q", c.part, got, err, c.want)
		}
	}
}
